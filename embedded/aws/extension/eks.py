"""EKS: the settings of a cluster that moto does not keep, node groups, and updates.

What AWS refuses for want of what a request names is refused here too.
"""

import hashlib
import inspect
from secrets import token_hex
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.eks import urls
from moto.eks.exceptions import InvalidParameterException, InvalidRequestException
from moto.eks.responses import EKSResponse

from . import eks_addons, eks_credentials, eks_planes, eks_records
from .eks_common import UPDATES, Fields, attribute, cluster_of, given, merged, missing, store, updated
from .eks_rules import refuse_cluster, refuse_node_group, refuse_version

SETTINGS = (
    *("accessConfig", "upgradePolicy", "zonalShiftConfig", "computeConfig", "storageConfig", "remoteNetworkConfig"),
    *("deletionProtection", "controlPlaneScalingConfig", "kubeApiServerConfig", "kubeSchedulerConfig"),
    "kubeControllerManagerConfig",
)
"""Of a cluster, that moto drops; by the API's names."""
NEWEST = "1.34"
"""The version of a cluster that names none; moto's own is of 2021."""
PLATFORM = "eks.1"
LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

PLAIN: dict[str, Any] = {
    name: getattr(EKSResponse, name)
    for name in (
        *("create_cluster", "delete_cluster", "create_nodegroup", "update_nodegroup_config", "delete_nodegroup"),
    )
}
"""moto's own, which these build upon."""


def load() -> None:
    for module in (inspect.getmodule(load), eks_records):
        for name, function in vars(module).items():
            if inspect.isfunction(function) and next(iter(inspect.signature(function).parameters), "") == "self":
                setattr(EKSResponse, name, function)
    urls.url_paths["{0}/clusters/(?P<rest>.+)$"] = eks_credentials.Requests.dispatch


# Clusters.


def create_cluster(self: Any) -> ActionResult:
    network: Fields = self._get_param("resourcesVpcConfig") or {}
    refuse_version(self._get_param("version"))
    vpc = refuse_cluster(self.current_account, self.region, self._get_param("roleArn"), network)
    PLAIN["create_cluster"](self)
    cluster: Any = self.eks_backend.describe_cluster(self._get_param("name"))
    network.setdefault("endpointPublicAccess", True)
    network.setdefault("endpointPrivateAccess", False)
    network.setdefault("publicAccessCidrs", ["0.0.0.0/0"] if network["endpointPublicAccess"] else [])
    network.setdefault("securityGroupIds", [])
    network.update(vpcId=vpc.id, clusterSecurityGroupId=_own_group(cluster, vpc))
    cluster.resources_vpc_config = network
    cluster.version = self._get_param("version") or NEWEST
    cluster.platform_version = PLATFORM
    # moto's is that of every cluster.
    cluster.identity = {"oidc": {"issuer": f"https://oidc.eks.{self.region}.amazonaws.com/id/{token_hex(16).upper()}"}}
    defaults: Fields = {"upgradePolicy": {"supportType": "EXTENDED"}, "deletionProtection": False}
    access: Fields = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
    access.update(self._get_param("accessConfig") or {})
    for name, value in {**defaults, **given(self, *SETTINGS), "accessConfig": access}.items():
        setattr(cluster, attribute(name), value)
    _set_logs(cluster, self._get_param("logging"))
    network_config: Fields = {
        "serviceIpv4Cidr": "172.20.0.0/16",
        "ipFamily": "ipv4",
        **(cluster.kubernetes_network_config or {}),
    }
    cluster.kubernetes_network_config = network_config
    if access["bootstrapClusterCreatorAdminPermissions"]:
        cluster.creator = eks_credentials.caller(self)
    eks_planes.begin(self.eks_backend, cluster, vpc)
    return ActionResult({"cluster": cluster})


def _own_group(cluster: Any, vpc: Any) -> str:
    """The security group that EKS makes for a cluster's own interfaces."""
    digest = hashlib.sha256(cluster.arn.encode()).hexdigest()[:10]
    group = vpc.ec2_backend.create_security_group(
        f"eks-cluster-sg-{cluster.name}-{digest}",
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any"
        " managed workloads.",
        vpc.id,
        tags={"aws:eks:cluster-name": cluster.name, f"kubernetes.io/cluster/{cluster.name}": "owned"},
    )
    return group.id


def delete_cluster(self: Any) -> ActionResult:
    cluster: Any = self.eks_backend.describe_cluster(self._get_param("name"))
    if getattr(cluster, "deletion_protection", False):
        raise InvalidRequestException(message=f"Cluster {cluster.name} has deletion protection; switch it off first")
    eks_planes.refuse_busy(cluster)
    answer = PLAIN["delete_cluster"](self)
    eks_addons.end_all(cluster)
    eks_planes.end(cluster)
    _ec2(self).delete_security_group(group_id=cluster.resources_vpc_config["clusterSecurityGroupId"])
    return answer


def _ec2(response: Any) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[response.current_account][response.region]


def _set_logs(cluster: Any, setting: Fields | None) -> None:
    """One list of kinds that are on, one of those that are off; what a request does not name stays."""
    enabled: set[str] = getattr(cluster, "enabled_logs", set[str]())
    for entry in (setting or {}).get("clusterLogging", ()):
        kinds = set[str](entry.get("types") or ())
        enabled = enabled | kinds if entry.get("enabled") else enabled - kinds
    cluster.enabled_logs = enabled
    lists = [{"types": sorted(enabled), "enabled": True}, {"types": sorted(set(LOGS) - enabled), "enabled": False}]
    cluster.logging = {"clusterLogging": [entry for entry in lists if entry["types"]]}


def update_cluster_config(self: Any) -> ActionResult:
    cluster: Any = self.eks_backend.describe_cluster(self._get_param("name"))
    changes = given(self, "resourcesVpcConfig", "logging", "kubernetesNetworkConfig", *SETTINGS)
    if len(changes) != 1:
        raise InvalidParameterException(message=f"Exactly one kind of change is taken at a time, not {len(changes)}")
    if "resourcesVpcConfig" in changes:
        cluster.resources_vpc_config.update(changes["resourcesVpcConfig"])
    elif "logging" in changes:
        _set_logs(cluster, changes["logging"])
    for name in (*SETTINGS, "kubernetesNetworkConfig"):
        if name in changes:
            setattr(cluster, attribute(name), merged(getattr(cluster, attribute(name), None), changes[name]))
    return updated("ConfigUpdate", changes, cluster=cluster.name)


def update_cluster_version(self: Any) -> ActionResult:
    cluster: Any = self.eks_backend.describe_cluster(self._get_param("name"))
    requested: str = self._get_param("version")
    refuse_version(requested)
    now, then = (int(version.split(".")[1]) for version in (cluster.version, requested))
    if then != now + 1:
        raise InvalidParameterException(
            message=f"Unsupported Kubernetes minor version update from {cluster.version} to {requested}; one minor"
            " version at a time, and never back"
        )
    cluster.version = requested
    return updated("VersionUpdate", {"version": requested}, cluster=cluster.name)


def associate_encryption_config(self: Any) -> ActionResult:
    cluster: Any = self.eks_backend.describe_cluster(cluster_of(self))
    cluster.encryption_config = self._get_param("encryptionConfig")
    return updated("AssociateEncryptionConfig", given(self, "encryptionConfig"), cluster=cluster.name)


def describe_update(self: Any) -> ActionResult:
    number: str = self._get_param("updateId")
    if number not in UPDATES:
        raise missing(f"No update found for ID: {number}")
    return ActionResult({"update": UPDATES[number]})


# Node groups.


def create_nodegroup(self: Any) -> ActionResult:
    names = ("subnets", "instanceTypes", "amiType", "scalingConfig", "nodeRole")
    refuse_node_group(self.current_account, self.region, **{attribute(name): self._get_param(name) for name in names})
    cluster: Any = self.eks_backend.describe_cluster(cluster_of(self))
    refuse_version(self._get_param("version"), cluster=cluster.version)
    PLAIN["create_nodegroup"](self)
    group: Any = self.eks_backend.describe_nodegroup(cluster.name, self._get_param("nodegroupName"))
    group.version = self._get_param("version") or cluster.version
    group.release_version = self._get_param("releaseVersion") or f"{group.version}.0"
    group.update_config = self._get_param("updateConfig") or {"maxUnavailable": 1}
    group.node_repair_config = self._get_param("nodeRepairConfig")
    group.remote_access = self._get_param("remoteAccess")
    if group.launch_template:
        group.disk_size = None
    eks_planes.nodes_changed(cluster)
    return ActionResult({"nodegroup": group})


def update_nodegroup_config(self: Any) -> ActionResult:
    return _nodes_changed(self, PLAIN["update_nodegroup_config"](self))


def delete_nodegroup(self: Any) -> ActionResult:
    return _nodes_changed(self, PLAIN["delete_nodegroup"](self))


def _nodes_changed(self: Any, answer: ActionResult) -> ActionResult:
    eks_planes.nodes_changed(self.eks_backend.describe_cluster(cluster_of(self)))
    return answer


def update_nodegroup_version(self: Any) -> ActionResult:
    group: Any = self.eks_backend.describe_nodegroup(cluster_of(self), self._get_param("nodegroupName"))
    changes = given(self, "version", "releaseVersion", "launchTemplate")
    refuse_version(changes.get("version"), cluster=self.eks_backend.describe_cluster(cluster_of(self)).version)
    for name, value in changes.items():
        setattr(group, attribute(name), merged(getattr(group, attribute(name), None), value))
    return updated("VersionUpdate", changes, cluster=cluster_of(self))


# Tags, of anything that has an ARN.


def tags_of(self: Any) -> dict[str, str]:
    requested: str = self._extract_arn_from_path()
    for cluster in self.eks_backend.clusters.values():
        groups = [*cluster.nodegroups.values(), *cluster.fargate_profiles.values()]
        for found in (cluster, *groups):
            if requested in (getattr(found, "arn", ""), getattr(found, "fargate_profile_arn", "")):
                return found.tags
        for kind, key in (("addon", "addonArn"), ("access entry", "accessEntryArn"), ("association", "associationArn")):
            for entry in store(self.eks_backend, cluster.name, kind).values():
                if entry[key] == requested:
                    return entry["tags"]
    raise missing(f"Resource {requested} was not found")


def tag_resource(self: Any) -> ActionResult:
    tags_of(self).update(self._get_param("tags"))
    return EmptyResult()


def untag_resource(self: Any) -> ActionResult:
    for key in self.querystring["tagKeys"]:
        tags_of(self).pop(key, None)
    return EmptyResult()


def list_tags_for_resource(self: Any) -> ActionResult:
    return ActionResult({"tags": tags_of(self)})

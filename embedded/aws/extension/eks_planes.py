"""EKS: a cluster of the account has a control plane on this machine, where the server was asked for that."""

import base64
from typing import Any

from moto.eks.exceptions import InvalidParameterException, ResourceInUseException

from embedded.aws import pod_identity
from embedded.aws.clusters import Clusters
from embedded.aws.entrance import Application, Entrance
from embedded.aws.load_balancers import LoadBalancers
from embedded.cluster import Cluster
from embedded.cluster.configuration import api_address
from modules.core.errors import UserError

from .eks_access import apply_access
from .eks_common import store
from .eks_nodes import apply_nodes
from .elb import Balancers

_clusters: list[Clusters] = []
"""At most one: those of this process's account."""
_application: list[Application] = []
_working: dict[str, tuple[Entrance, LoadBalancers]] = {}
"""What this process does for a cluster, by its ARN."""


def use(clusters: Clusters, application: Application) -> None:
    """Give each cluster that is made from now on a control plane. Once in a process. application: the account, for
    pods."""
    _clusters.append(clusters)
    _application.append(application)


def clusters_of(cluster: Any) -> Clusters | None:
    """Those of this account, where more of a cluster can be reached than its record."""
    return _clusters[0] if _clusters and cluster.status == "ACTIVE" else None


def begin(backend: Any, cluster: Any, vpc: Any) -> None:
    """Start its control plane, as which it is ACTIVE. Where that is refused, the cluster is not made either."""
    if not _clusters:
        return

    def done(reason: str) -> None:
        if not reason:
            try:
                _open(backend, cluster, _clusters[0].of(cluster.arn))
            except Exception as error:  # whatever it is, whoever waits for the cluster is given the reason
                reason = str(error) or type(error).__name__
        if reason:
            cluster.health = {"issues": [{"code": "Other", "message": reason, "resourceIds": [cluster.name]}]}
        cluster.status = "FAILED" if reason else "ACTIVE"

    cluster.status, cluster.endpoint, cluster.certificate_authority = "CREATING", None, {"data": None}
    issuer = cluster.identity["oidc"]["issuer"]
    known = [vpc.ec2_backend.get_subnet(name) for name in cluster.resources_vpc_config["subnetIds"]]
    subnets = [subnet.cidr_block for subnet in known]
    try:
        _clusters[0].begin(cluster.arn, network=vpc.cidr_block, subnets=subnets, issuer=issuer, done=done)
    except UserError as error:
        backend.delete_cluster(cluster.name)
        raise InvalidParameterException(message=str(error)) from None


def _open(backend: Any, cluster: Any, own: Cluster) -> None:
    """Make one that runs what the account says of it, and lead its pods to the account."""
    cluster.endpoint = api_address(own.spec)
    cluster.certificate_authority = {"data": base64.b64encode(own.ca.read_bytes()).decode()}
    client = _clusters[0].client(cluster.arn)
    apply_nodes(client, own.name, cluster)
    for path, document in pod_identity.objects(backend.region_name):
        client.apply(path, document)
    entrance = Entrance(own, backend.region_name, _application[0])
    entrance.start()
    balancers = LoadBalancers(client, cluster=cluster.name, account=Balancers(backend, cluster))
    balancers.start()
    _working[cluster.arn] = (entrance, balancers)


def refuse_busy(cluster: Any) -> None:
    """AWS deletes no cluster that is being made."""
    if cluster.status == "CREATING":
        raise ResourceInUseException(message=f"Cluster {cluster.name} is being created: delete it once it is ACTIVE")


def end(cluster: Any) -> None:
    for each in _working.pop(cluster.arn, ()):
        each.end()
    if _clusters:
        _clusters[0].destroy(cluster.arn)


def nodes_changed(cluster: Any) -> None:
    """Make the nodes what the node groups say."""
    if clusters := clusters_of(cluster):
        apply_nodes(clusters.client(cluster.arn), clusters.of(cluster.arn).name, cluster)


def access_changed(backend: Any, cluster: Any, principal: str) -> None:
    """Give a principal what its access policies say, and nothing else."""
    if clusters := clusters_of(cluster):
        entry = store(backend, cluster.name, "access entry").get(principal)
        policies = store(backend, cluster.name, "access policy").get(principal, {})
        apply_access(clusters.client(cluster.arn), principal, entry, list(policies.values()))

"""The cluster on AWS: a control plane of EKS, who may enter it, and what EKS runs in it itself."""

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.eks import (
    AccessEntry,
    AccessPolicyAssociation,
    AccessPolicyAssociationAccessScopeArgs,
    Addon,
    Cluster,
    ClusterAccessConfigArgs,
    ClusterEncryptionConfigArgs,
    ClusterEncryptionConfigProviderArgs,
    ClusterKubernetesNetworkConfigArgs,
    ClusterUpgradePolicyArgs,
    ClusterVpcConfigArgs,
)
from pulumi_aws.iam import OpenIdConnectProvider, Role, RolePolicyAttachment
from pulumi_aws.kms import Alias, Key

from modules.core.aws import AwsAccount, TokenIssuer, log_key, service_trust, token_trust
from modules.core.component import Component, after
from modules.core.labels import Labels
from modules.core.protection import Safeguards

from .eks_settings import AddonsSettings, EksSettings

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All that a control plane writes."""
ADMINISTRATOR, VIEWER = "AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"
"""Access policies of EKS: everything, and to look at everything but Secrets."""
VOLUMES = ("kube-system", "ebs-csi-controller-sa")
"""Namespace and service account of what makes volumes."""
TOKEN_AUDIENCE = "sts.amazonaws.com"
NETWORK_POLICIES = json.dumps({"enableNetworkPolicy": "true"})
"""Without it the network plugin lets everything through, whatever policies say."""


class EksCluster(Component):
    """`cluster_name`: the physical one. `subnets`: of the control plane's addresses. `tags`: of everything that takes
    tags, beside its name."""

    cluster: pulumi.Output[str]
    """Its name, known once it takes nodes, and lets in those who may."""
    endpoint: pulumi.Output[str]
    """URL of the Kubernetes API."""
    ca: pulumi.Output[str]
    """Certificate of its authority: PEM in base64."""
    security_group: pulumi.Output[str]
    """Id of the one that EKS made for control plane and nodes."""
    issuer: pulumi.Output[TokenIssuer]
    """Of its service accounts' tokens, which IAM takes."""

    def __init__(
        self,
        name: str,
        *,
        settings: EksSettings,
        account: AwsAccount,
        cluster_name: str,
        subnets: Sequence[pulumi.Input[str]],
        service_range: str,
        safeguards: Safeguards,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.account, self.cluster_name, self.safeguards, self.tags = account, cluster_name, safeguards, tags
        made = self._control_plane(settings, subnets, service_range)
        self.endpoint = made.endpoint
        self.ca = made.certificate_authority.apply(lambda authority: authority.data or "")
        self.security_group = made.vpc_config.apply(lambda vpc: vpc.cluster_security_group_id or "")
        entries = [
            *(self._entry(made.name, each, ADMINISTRATOR) for each in settings.administrators),
            *(self._entry(made.name, each, VIEWER) for each in settings.viewers),
        ]
        addons = [
            self._addon(made.name, "vpc-cni", settings.addons.vpc_cni, configuration=NETWORK_POLICIES),
            self._addon(made.name, "kube-proxy", settings.addons.kube_proxy),
        ]
        self.cluster = after(made.name, *entries, *addons)
        self.issuer = self._issuer(made)
        self.register_outputs({"cluster": self.cluster, "endpoint": self.endpoint})

    def _tags(self, role: str) -> dict[str, str]:
        return {**self.tags, "Name": f"{self.cluster_name}-{role}"}

    def _control_plane(
        self, settings: EksSettings, subnets: Sequence[pulumi.Input[str]], service_range: str
    ) -> Cluster:
        role = Role(
            f"{self.name}-control-plane",
            name=f"{self.cluster_name}-control-plane",
            assume_role_policy=service_trust("eks"),
            tags=self._tags("control-plane"),
            opts=self.child(),
        )
        allowed = RolePolicyAttachment(
            f"{self.name}-control-plane",
            role=role.name,
            policy_arn=self.account.managed_policy("AmazonEKSClusterPolicy"),
            opts=self.child(),
        )
        secrets = self._key("secrets", None)
        return Cluster(
            f"{self.name}-cluster",
            # Its name by the log group: EKS would make that itself, and keep it for ever.
            name=self._logs(),
            role_arn=after(role.arn, allowed.id),
            version=settings.version,
            vpc_config=ClusterVpcConfigArgs(
                subnet_ids=subnets,
                endpoint_private_access=True,
                endpoint_public_access=bool(settings.public_ranges),
                public_access_cidrs=settings.public_ranges or None,
            ),
            kubernetes_network_config=ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=service_range
            ),
            access_config=ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            encryption_config=ClusterEncryptionConfigArgs(
                provider=ClusterEncryptionConfigProviderArgs(key_arn=secrets), resources=["secrets"]
            ),
            enabled_cluster_log_types=LOGS,
            bootstrap_self_managed_addons=False,
            upgrade_policy=ClusterUpgradePolicyArgs(support_type="STANDARD"),
            deletion_protection=self.safeguards.deletion_protection,
            tags=self._tags("cluster"),
            opts=self.child(),
        )

    def _logs(self) -> pulumi.Output[str]:
        """Create the group of the control plane's logs. Return the cluster's name, known once it is there."""
        group_name = f"/aws/eks/{self.cluster_name}/cluster"
        group = LogGroup(
            f"{self.name}-logs",
            name=group_name,
            retention_in_days=self.safeguards.log_days,
            kms_key_id=self._key("logs", log_key(self.account, group_name)),
            tags=self._tags("logs"),
            opts=self.child(),
        )
        return after(self.cluster_name, group.arn)

    def _key(self, role: str, policy: str | None) -> pulumi.Output[str]:
        """Create a key. Return its ARN. policy: None is the account's administrators by IAM."""
        key = Key(
            f"{self.name}-{role}",
            description=f"{role.capitalize()} of {self.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=self.safeguards.key_days,
            policy=policy,
            tags=self._tags(role),
            opts=self.child(),
        )
        Alias(
            f"{self.name}-{role}",
            name=f"alias/{self.cluster_name}-{role}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key.arn

    def _entry(self, cluster: pulumi.Input[str], principal: str, policy: str) -> pulumi.Output[str]:
        """Let a role or a user in. Return what is known once it is."""
        resource = f"{self.name}-{principal.partition('::')[2].replace(':', '-')}"
        entry = AccessEntry(
            resource,
            cluster_name=cluster,
            principal_arn=principal,
            type="STANDARD",
            tags=self._tags("access"),
            opts=self.child(),
        )
        return AccessPolicyAssociation(
            resource,
            cluster_name=cluster,
            principal_arn=entry.principal_arn,
            policy_arn=f"arn:{self.account.partition}:eks::aws:cluster-access-policy/{policy}",
            access_scope=AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=self.child(),
        ).id

    def _addon(
        self, cluster: pulumi.Input[str], addon: str, version: str, *, configuration: str | None = None
    ) -> pulumi.Output[str]:
        return _addon(self, cluster, addon, version, self._tags(addon), configuration=configuration)

    def _issuer(self, made: Cluster) -> pulumi.Output[TokenIssuer]:
        url = made.identities.apply(lambda identities: (identities[0].oidcs or [])[0].issuer or "")
        provider = OpenIdConnectProvider(
            f"{self.name}-tokens",
            url=url,
            client_id_lists=[TOKEN_AUDIENCE],
            tags=self._tags("tokens"),
            opts=self.child(),
        )
        return pulumi.Output.all(provider.arn, url).apply(
            lambda both: TokenIssuer(provider=both[0], url=both[1].removeprefix("https://"))
        )


class Addons(Component):
    """What EKS runs on nodes. `cluster`: its name, known once the system's nodes are there; `issuer`: of its service
    accounts' tokens. `tags`: of everything that takes tags, beside its name."""

    cluster: pulumi.Output[str]
    """Its name, known once pods have name servers and volumes."""

    def __init__(
        self,
        name: str,
        *,
        settings: AddonsSettings,
        account: AwsAccount,
        cluster: pulumi.Input[str],
        cluster_name: str,
        issuer: pulumi.Input[TokenIssuer],
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        driver = "aws-ebs-csi-driver"
        tagged = {each: {**tags, "Name": f"{cluster_name}-{each}"} for each in ("coredns", driver)}
        trusted = pulumi.Output.from_input(issuer).apply(lambda known: token_trust(known, *VOLUMES))
        role = Role(
            f"{name}-volumes",
            name=f"{cluster_name}-volumes",
            assume_role_policy=trusted,
            tags={**tags, "Name": f"{cluster_name}-volumes"},
            opts=self.child(),
        )
        allowed = RolePolicyAttachment(
            f"{name}-volumes",
            role=role.name,
            # Of the driver's volumes alone, which it marks itself. That of before reached any volume of the account.
            policy_arn=account.managed_policy("AmazonEBSCSIDriverPolicyV2"),
            opts=self.child(),
        )
        # Volumes that pods ask for are marked as the cluster's, and counted as its cost.
        extra = json.dumps({"controller": {"extraVolumeTags": dict(tags)}})
        made = [
            _addon(self, cluster, "coredns", settings.coredns, tagged["coredns"]),
            _addon(
                self,
                cluster,
                driver,
                settings.ebs_csi_driver,
                tagged[driver],
                configuration=extra,
                role=after(role.arn, allowed.id),
            ),
        ]
        self.cluster = after(cluster, *made)
        self.register_outputs({"cluster": self.cluster})


def _addon(
    component: Component,
    cluster: pulumi.Input[str],
    addon: str,
    version: str,
    tags: Mapping[str, str],
    *,
    configuration: str | None = None,
    role: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """Create an add-on. Return what is known once it runs."""
    return Addon(
        f"{component.name}-{addon}",
        cluster_name=cluster,
        addon_name=addon,
        addon_version=version,
        configuration_values=configuration,
        service_account_role_arn=role,
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        tags=dict(tags),
        opts=component.child(),
    ).id

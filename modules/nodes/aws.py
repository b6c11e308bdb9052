"""The nodes on AWS: managed node groups for the system, and what Karpenter needs to bring all others."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.cloudwatch import EventRule, EventTarget
from pulumi_aws.ec2 import (
    LaunchTemplate,
    LaunchTemplateBlockDeviceMappingArgs,
    LaunchTemplateBlockDeviceMappingEbsArgs,
    LaunchTemplateMetadataOptionsArgs,
    LaunchTemplateTagSpecificationArgs,
    Tag,
)
from pulumi_aws.eks import (
    AccessEntry,
    NodeGroup,
    NodeGroupLaunchTemplateArgs,
    NodeGroupScalingConfigArgs,
    NodeGroupTaintArgs,
    NodeGroupUpdateConfigArgs,
)
from pulumi_aws.iam import InstanceProfile, Role, RolePolicyAttachment
from pulumi_aws.sqs import Queue, QueuePolicy

from modules.core.aws import AwsAccount, service_trust
from modules.core.component import Component, after
from modules.core.labels import Labels
from modules.core.naming import LABEL_LIMIT, hashed

from . import policy
from .karpenter import DISCOVERY, ROOT_DEVICE
from .node_group import node_group, system_pools
from .settings import PoolSettings, PoolsSettings

DESIRED_SIZE = "scalingConfig.desiredSize"
"""Of a node group: whoever changes it by hand within its bounds keeps it."""
VOLUMES = ("instance", "volume", "network-interface")
"""What a launch template tags."""


class Nodes(Component):
    """`cluster`: name of the EKS cluster, known once it takes nodes; `security_group`: the one that it made for its
    nodes. `version`: of its Kubernetes, which nodes follow. `subnets`: where nodes are. `kms_key`: ARN of the key of
    volumes; None: the account's own. `tags`: of everything that takes tags, beside its name. `key`: path of the
    settings, for messages."""

    instance_profile: pulumi.Output[str]
    """Name of the profile by which nodes join, known once they may."""
    queue: pulumi.Output[str]
    """Name of the queue from which Karpenter hears that a node is about to go."""
    cluster: pulumi.Output[str]
    """Name of the cluster, known once the system's nodes are there."""

    def __init__(
        self,
        name: str,
        *,
        settings: PoolsSettings,
        account: AwsAccount,
        cluster: pulumi.Input[str],
        cluster_name: str,
        version: str,
        security_group: pulumi.Input[str],
        subnets: Sequence[pulumi.Input[str]],
        kms_key: str | None,
        tags: Mapping[str, str],
        key: str,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.account, self.cluster_name, self.kms_key, self.tags = account, cluster_name, kms_key, tags
        self.version = version
        groups = system_pools(settings.pools, key)
        Tag(
            f"{name}-discovery",
            resource_id=security_group,
            key=DISCOVERY,
            value=cluster_name,
            opts=self.child(),
        )
        role = self._node_role()
        profile = InstanceProfile(
            f"{name}-node", name=self._named("node"), role=role.name, tags=self._tags("node"), opts=self.child()
        )
        allowed = self._allowed(role, cluster)
        self.instance_profile = after(profile.name, *allowed)
        open_cluster = after(cluster, *allowed)
        made = [self._group(pool_name, pool, open_cluster, role, subnets) for pool_name, pool in groups.items()]
        self.cluster = after(cluster, *made)
        self.queue = self._events()
        self.register_outputs(
            {
                "instance_profile": self.instance_profile,
                "queue": self.queue,
            }
        )

    def _named(self, role: str) -> str:
        return f"{self.cluster_name}-{role}"

    def _tags(self, role: str) -> dict[str, str]:
        return {**self.tags, "Name": self._named(role)}

    def _node_role(self) -> Role:
        return Role(
            f"{self.name}-node",
            name=policy.node_role(self.cluster_name),
            assume_role_policy=service_trust("ec2"),
            tags=self._tags("node"),
            opts=self.child(),
        )

    def _allowed(self, role: Role, cluster: pulumi.Input[str]) -> list[pulumi.Output[str]]:
        """Let nodes into the account's services and into the cluster. Return what is known once they may."""
        attachments = [
            RolePolicyAttachment(
                f"{self.name}-{each}",
                role=role.name,
                policy_arn=self.account.managed_policy(each),
                opts=self.child(),
            ).id
            for each in policy.NODE_POLICIES
        ]
        entry = AccessEntry(
            f"{self.name}-node",
            cluster_name=cluster,
            principal_arn=role.arn,
            type="EC2_LINUX",
            tags=self._tags("node"),
            opts=self.child(),
        )
        return [*attachments, entry.id]

    def _group(
        self,
        pool_name: str,
        pool: PoolSettings,
        cluster: pulumi.Input[str],
        role: Role,
        subnets: Sequence[pulumi.Input[str]],
    ) -> pulumi.Output[str]:
        """Return what is known once its nodes are there."""
        group = node_group(pool_name, pool)
        template = self._launch_template(pool_name, group.disk_gib)
        # What can't be changed is in the name: the new group is there before the old one goes.
        fixed = (list(group.instance_types), group.ami_type, len(subnets))
        return NodeGroup(
            f"{self.name}-{pool_name}",
            cluster_name=cluster,
            node_group_name=hashed(self._named(pool_name), fixed, limit=LABEL_LIMIT),
            # Without it nodes would stay what they were first, until their cluster is too new for them.
            version=self.version,
            node_role_arn=role.arn,
            subnet_ids=subnets,
            instance_types=group.instance_types,
            ami_type=group.ami_type,
            capacity_type="ON_DEMAND",
            # The size is declared with its bounds: AWS refuses a least number above the size that there is.
            scaling_config=NodeGroupScalingConfigArgs(
                min_size=group.min_size,
                max_size=group.max_size,
                # Nothing but a person changes it; EKS takes no smallest size that is above it.
                desired_size=group.min_size,
            ),
            update_config=NodeGroupUpdateConfigArgs(max_unavailable=1),
            launch_template=NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
            labels=group.labels,
            taints=[
                NodeGroupTaintArgs(key=taint["key"], value=taint.get("value"), effect=taint["effect"])
                for taint in group.taints
            ],
            tags=self._tags(pool_name),
            opts=self.child(),
        ).id

    def _launch_template(self, pool_name: str, disk_gib: int) -> LaunchTemplate:
        return LaunchTemplate(
            f"{self.name}-{pool_name}",
            name=self._named(pool_name),
            update_default_version=True,
            block_device_mappings=[
                LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=disk_gib,
                        encrypted="true",
                        kms_key_id=self.kms_key,
                        delete_on_termination="true",
                    ),
                )
            ],
            metadata_options=LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_protocol_ipv6="disabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
            ),
            tag_specifications=[
                LaunchTemplateTagSpecificationArgs(resource_type=each, tags=self._tags(pool_name)) for each in VOLUMES
            ],
            tags=self._tags(pool_name),
            opts=self.child(),
        )

    def _events(self) -> pulumi.Output[str]:
        """Return the queue's name, known once events arrive in it."""
        queue = Queue(
            f"{self.name}-events",
            name=policy.queue_name(self.cluster_name),
            message_retention_seconds=policy.QUEUE_SECONDS,
            sqs_managed_sse_enabled=True,
            tags=self._tags("events"),
            opts=self.child(),
        )
        rights = QueuePolicy(
            f"{self.name}-events",
            queue_url=queue.url,
            policy=policy.queue(self.account, policy.queue_name(self.cluster_name)),
            opts=self.child(),
        )
        targets: list[pulumi.Output[str]] = []
        for event, (source, detail_type) in policy.EVENTS.items():
            rule = EventRule(
                f"{self.name}-{event}",
                name=policy.rule_name(self.cluster_name, event),
                description=detail_type,
                event_pattern=policy.event_pattern(source, detail_type),
                tags=self._tags(event),
                opts=self.child(),
            )
            target = EventTarget(
                f"{self.name}-{event}",
                rule=rule.name,
                target_id="karpenter",
                arn=after(queue.arn, rights.id),
                opts=self.child(),
            )
            targets.append(target.id)
        return after(queue.name, *targets)

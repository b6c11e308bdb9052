"""What a platform makes in an account of AWS, beside its database, which is of the cluster too."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.provider import Provider

from modules.budget.aws import MonthlyBudget
from modules.cluster.aws import Addons, EksCluster
from modules.core.contracts import Consumer, ObjectStore
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.core.protection import Safeguards, safeguards
from modules.core.settings import PROJECT
from modules.identity.access import Access
from modules.identity.aws import Roles
from modules.identity.granted_aws import Grants
from modules.lake.aws import AwsLake, User
from modules.lake.aws import Place as LakePlace
from modules.network.aws import Network
from modules.nodes.aws import Nodes
from modules.registry.aws import EcrRegistry
from modules.storage.aws import AwsStore
from modules.storage.service import STORAGE
from stacks.foundation.aws_settings import NODES, AwsSettings
from stacks.services import images as all_images
from stacks.settings import PlatformSettings
from workloads.artifacts import ACCEPTED, TABLES
from workloads.catalog import load
from workloads.documents import table_columns


def physical_name(environment: str) -> str:
    """Return the name of the cluster, and of what there is once in an environment. Raise UserError where RDS would
    refuse it for its server, long after the rest is made."""
    if "--" in environment:
        raise UserError(
            f"environment {environment!r} has two dashes in a row, which RDS takes in no name: choose another stack's "
            "name"
        )
    return f"groundwork-{environment}"


class Account:
    """What is made in the account, beside the database, which is of the cluster too."""

    def __init__(self, settings: PlatformSettings, given: AwsSettings, labels: Labels) -> None:
        self.settings, self.given, self.labels = settings, given, labels
        self.name = physical_name(labels.environment)
        self.tags = given.tags(labels)
        self.safeguards: Safeguards = safeguards(given.protection)
        self.provider = Provider(
            "aws",
            region=given.region,
            # With the credentials of another account nothing is made there.
            allowed_account_ids=[given.account],
            opts=pulumi.ResourceOptions(),
        )
        self.grants = Grants()
        self.opts = pulumi.ResourceOptions(providers=[self.provider], transformations=[self.grants.note])

    def network(self) -> Network:
        return Network(
            "network",
            settings=self.given.network,
            account=self.given.aws_account,
            cluster=self.name,
            zones=self.given.zone_names,
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )

    def cluster(self, network: Network) -> tuple[EksCluster, Nodes, pulumi.Output[str]]:
        """Return the cluster, its nodes, and its name, known once pods run in it."""
        eks = EksCluster(
            "cluster",
            settings=self.given.cluster,
            account=self.given.aws_account,
            cluster_name=self.name,
            subnets=network.subnet_ids["intra"],
            service_range=self.given.network.service_range,
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )
        nodes = Nodes(
            "nodes",
            settings=self.given.nodes,
            account=self.given.aws_account,
            cluster=eks.cluster,
            cluster_name=self.name,
            version=self.given.cluster.version,
            security_group=eks.security_group,
            subnets=network.subnet_ids["private"],
            kms_key=None,
            tags=self.tags,
            key=f"{PROJECT}:foundation.nodes.pools",
            labels=self.labels,
            opts=self.opts,
        )
        addons = Addons(
            "addons",
            settings=self.given.cluster.addons,
            account=self.given.aws_account,
            cluster=nodes.cluster,
            cluster_name=self.name,
            issuer=eks.issuer,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )
        return eks, nodes, addons.cluster

    def registry(self) -> EcrRegistry:
        return EcrRegistry(
            "registry",
            images=[image.name for image in all_images()],
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        )

    def access(
        self, access: Sequence[Access], contract: ObjectStore, eks: EksCluster, consumers: Mapping[str, Consumer]
    ) -> dict[str, list[pulumi.Output[str]]]:
        """Create what service accounts and nodes get from the account: buckets, images, roles and the lake. Return by
        consumer what is known once its accounts may do what was declared."""
        store = AwsStore(
            STORAGE.name,
            settings=self.given.buckets,
            account=self.given.aws_account,
            tags=self.tags,
            protect=self.settings.protect_data,
            safeguards=self.safeguards,
            labels=self.labels,
            opts=self.opts,
        )
        self.registry()
        roles = Roles("identity", access=access, issuer=eks.issuer, tags=self.tags, labels=self.labels, opts=self.opts)
        if self.given.budget is not None:
            MonthlyBudget("budget", settings=self.given.budget, tags=self.tags, labels=self.labels, opts=self.opts)
        users = {
            each.role: User(arn=roles.granted[each.role], tables=consumers[each.consumer].tables)
            for each in access
            if each.permissions
        }
        known = {**roles.granted, **self.lake(contract, store, users)}
        granted: dict[str, list[pulumi.Output[str]]] = {}
        for each in access:
            # Who brings nodes uses no bucket.
            before = [] if each.consumer == NODES else [*store.buckets.values()]
            granted.setdefault(each.consumer, before).append(known[each.role])
        return granted

    def lake(
        self, contract: ObjectStore, store: AwsStore, users: Mapping[str, User]
    ) -> Mapping[str, pulumi.Output[str]]:
        """Create the lake. Return the ARN of each user's role, known once it may use its tables."""
        if self.given.lake is None:
            return {}
        return AwsLake(
            "lake",
            settings=self.given.lake,
            account=self.given.aws_account,
            place=LakePlace(
                buckets=contract.buckets,
                ready=store.buckets,
                key_arn=store.key_arn,
                tables=TABLES,
                accepted=ACCEPTED,
            ),
            tables={table: table_columns(load(table)) for user in users.values() for table in user.tables},
            users=users,
            protect=self.settings.protect_data,
            safeguards=self.safeguards,
            tags=self.tags,
            labels=self.labels,
            opts=self.opts,
        ).granted

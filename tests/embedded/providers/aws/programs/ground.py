"""What a platform on AWS stands on, made of the platform's own modules, and something in the cluster."""

import pulumi
import pulumi_kubernetes as k8s
from pulumi_aws.provider import Provider
from pulumi_aws.rds import Instance, SubnetGroup
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

from modules.cluster.aws import Addons, EksCluster
from modules.cluster.ebs import EbsClass
from modules.cluster.eks_settings import EksSettings
from modules.core.aws import AwsAccount, platform_tags
from modules.core.labels import Labels
from modules.core.protection import safeguards
from modules.network.aws import Network
from modules.network.settings import NetworkSettings
from modules.nodes.aws import Nodes
from modules.nodes.settings import PoolsSettings
from stacks.foundation.aws import kubeconfig
from stacks.foundation.aws_settings import SYSTEM

NAME, REGION = "ground", "us-east-1"
config = pulumi.Config()
labels = Labels(environment=NAME, owner="tests")
account = AwsAccount(partition="aws", id="123456789012", region=REGION)
tags = platform_tags(labels, cost_centre=None, expiry=None)
options = pulumi.ResourceOptions(providers=[Provider("aws", region=REGION, allowed_account_ids=[account.id])])
kept = safeguards("disposable")
network_settings = NetworkSettings(range=config.require("network"))
eks_settings = EksSettings(administrators=[account.role("deployer")])

network = Network(
    "network",
    settings=network_settings,
    account=account,
    cluster=NAME,
    zones=[f"{REGION}{letter}" for letter in "ab"],
    safeguards=kept,
    tags=tags,
    labels=labels,
    opts=options,
)
eks = EksCluster(
    "cluster",
    settings=eks_settings,
    account=account,
    cluster_name=NAME,
    subnets=network.subnet_ids["intra"],
    service_range=network_settings.service_range,
    safeguards=kept,
    tags=tags,
    labels=labels,
    opts=options,
)
nodes = Nodes(
    "nodes",
    settings=PoolsSettings(pools={"system": SYSTEM}),
    account=account,
    cluster=eks.cluster,
    cluster_name=NAME,
    security_group=eks.security_group,
    subnets=network.subnet_ids["private"],
    version=eks_settings.version,
    kms_key=None,
    tags=tags,
    key="nodes",
    labels=labels,
    opts=options,
)
addons = Addons(
    "addons",
    settings=eks_settings.addons,
    account=account,
    cluster=nodes.cluster,
    cluster_name=NAME,
    issuer=eks.issuer,
    tags=tags,
    labels=labels,
    opts=options,
)
document = pulumi.Output.all(addons.cluster, eks.endpoint, eks.ca).apply(
    lambda known: kubeconfig(str(known[0]), str(known[1]), str(known[2]), REGION)
)
cluster = k8s.Provider("kubernetes", kubeconfig=document, cluster_identifier=NAME)
inside = pulumi.ResourceOptions(providers=[cluster])
EbsClass("volumes", physical_name=NAME, labels=labels, opts=inside)
group = SubnetGroup("database", name=NAME, subnet_ids=network.subnet_ids["intra"], opts=options)
database = Instance(
    "database",
    identifier=NAME,
    engine="postgres",
    instance_class="db.t4g.medium",
    allocated_storage=20,
    username="administrator",
    manage_master_user_password=True,
    # In the VPC of the cluster, once that is there.
    db_subnet_group_name=pulumi.Output.all(group.name, addons.cluster).apply(lambda known: str(known[0])),
    skip_final_snapshot=True,
    opts=options,
)
namespace = Namespace("data", metadata={"name": "data"}, opts=pulumi.ResourceOptions(provider=cluster))
ConfigMap(
    "data",
    metadata={"name": "database", "namespace": namespace.metadata.name},
    data={"host": database.address},
    opts=pulumi.ResourceOptions(provider=cluster),
)
pulumi.export("endpoint", eks.endpoint)
pulumi.export("host", database.address)

"""What brings the nodes of pools on AWS: Karpenter in the cluster, who it is in the account, and what it reads."""

from collections.abc import Mapping

import pulumi

from modules.core.contracts import Cluster, Consumer, Identity, Registry
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.core.naming import namespace
from modules.identity.access import Access, role_name
from modules.nodes.cluster import Pools
from modules.nodes.controller import CONTROLLER, Karpenter, Surroundings
from modules.nodes.images import NODES_IMAGE
from modules.nodes.karpenter import NodeClass
from modules.nodes.policy import controller
from stacks.foundation.aws_settings import NODES, AwsSettings
from stacks.foundation.quota import of_teams

CONSUMER = Consumer(buckets={}, accounts=(CONTROLLER,))
"""Karpenter uses no data of the platform: it is somebody in the account."""


def own_consumers(given: AwsSettings) -> dict[str, Consumer]:
    """Return who runs in the namespace of nodes, by its name; nobody where all pools are the system's."""
    return {NODES: CONSUMER} if given.brings_nodes else {}


def own_access(given: AwsSettings, environment: str, cluster: str) -> list[Access]:
    """Return what Karpenter may do in the account."""
    return [
        Access(
            consumer=name,
            namespace=namespace(environment, name),
            account=CONTROLLER,
            role=role_name(environment, name, CONTROLLER),
            statements=controller(
                given.aws_account,
                cluster=cluster,
                kms_key=None,
                spot=any(pool.capacity != "on-demand" for pool in given.nodes.pools.values()),
            ),
        )
        for name in own_consumers(given)
    ]


def deploy_karpenter(
    given: AwsSettings,
    *,
    cluster: Cluster,
    registry: Registry,
    identity: Identity,
    ready_namespace: pulumi.Input[str],
    namespaces: Mapping[str, pulumi.Output[str]],
    instance_profile: pulumi.Input[str],
    queue: pulumi.Input[str],
    labels: Labels,
    opts: pulumi.ResourceOptions,
) -> dict[str, str]:
    """Create Karpenter and its pools. Return the image that it runs, by name. ready_namespace: known once Karpenter may
    do in the account what it must; namespaces: by consumer; instance_profile, queue: of `modules.nodes.aws.Nodes`."""
    image = require_image(labels.environment, registry, NODES_IMAGE.name)
    karpenter = Karpenter(
        CONTROLLER,
        surroundings=Surroundings(
            cluster=cluster.name, region=given.region, queue=queue, reaches_prices=given.network.nat != "none"
        ),
        account=identity.accounts[NODES][CONTROLLER],
        cluster=cluster,
        namespace=ready_namespace,
        registry=registry,
        image=image,
        labels=labels,
        opts=opts,
    )
    Pools(
        "pools",
        settings=given.nodes,
        common=NodeClass(
            cluster=cluster.name,
            instance_profile="",
            image=given.nodes.image,
            kms_key=None,
            tags=given.tags(labels),
        ),
        instance_profile=instance_profile,
        karpenter=karpenter.ready,
        cluster=cluster,
        namespace=ready_namespace,
        namespaces=of_teams(given.teams, namespaces),
        registry=registry,
        image=image,
        labels=labels,
        opts=opts,
    )
    return {NODES_IMAGE.name: image}

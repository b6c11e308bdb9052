"""The foundation on the embedded cluster: object store and database run in the cluster itself."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from embedded.cluster.layout import REGISTRY_PORT
from embedded.cluster.network import split
from modules.core.contracts import Cluster, Consumer, PodRules, Reach, Registry
from modules.core.labels import Labels
from modules.nodes.shares import Shares
from modules.storage.service import STORAGE
from stacks.foundation import Foundation
from stacks.foundation.data import data_images
from stacks.foundation.in_cluster import deploy_in_cluster
from stacks.foundation.pods import pod_rules
from stacks.foundation.quota import of_teams
from stacks.foundation.users import user_of
from stacks.settings import PlatformSettings


def describe_cluster(environment: str, network: str, pods: PodRules) -> Cluster:
    """The cluster of an environment, which `groundwork up` started before the program runs."""
    ranges = split(network)
    return Cluster(
        name=f"groundwork-{environment}",
        pod_range=str(ranges.pods),
        dns=Reach(port=53, ranges=(str(ranges.pods),)),
        storage_class="standard",
        publisher=f"{ranges.host_end}/32",
        pods=pods,
    )


def describe_registry(environment: str, network: str) -> Registry:
    """The registry listens at the node's own address, the same for who pushes and who pulls. What is an environment's
    is below its name."""
    address = f"{split(network).node}:{REGISTRY_PORT}/{environment}"
    return Registry(push=address, pull=address)


def deploy_embedded(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    network = settings.embedded.network
    pods = replace(pod_rules(settings.embedded.pods), user=user_of(labels.environment, settings.foundation))
    cluster = describe_cluster(labels.environment, network, pods)
    registry = describe_registry(labels.environment, network)
    images = data_images(settings, labels.environment, registry)
    provider = k8s.Provider(
        "kubernetes",
        # The ambient KUBECONFIG has a context of this name: no address or token is among the provider's inputs.
        context=cluster.name,
        cluster_identifier=cluster.name,
        enable_secret_mutable=True,
        # Of all ConfigMaps only the gateway's routes change: the others are named by a hash of their content.
        enable_config_map_mutable=True,
        opts=pulumi.ResourceOptions(),
    )
    port = settings.of(STORAGE).local_port
    made = deploy_in_cluster(
        settings,
        labels,
        consumers,
        cluster=cluster,
        registry=registry,
        images=images,
        entry=settings.entry,
        provider=provider,
        addresses={STORAGE.name: f"http://127.0.0.1:{port}"} if port is not None else {},
    )
    nodes = settings.embedded.nodes
    if nodes.pools:
        of_each = of_teams(nodes.teams, made.namespaces)
        opts = pulumi.ResourceOptions(providers=[provider])
        Shares("nodes", settings=nodes, namespaces=of_each, labels=labels, opts=opts)
    return made

"""The foundation on a cluster that somebody else runs."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modules.core.contracts import Cluster, Consumer, Reach
from modules.core.labels import Labels
from modules.storage.service import STORAGE
from stacks.foundation import Foundation
from stacks.foundation.data import data_images
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.in_cluster import deploy_in_cluster
from stacks.foundation.pods import pod_rules
from stacks.foundation.registry_login import pull_document
from stacks.settings import PlatformSettings


def describe_cluster(environment: str, given: ExistingSettings) -> Cluster:
    return Cluster(
        name=f"groundwork-{environment}",
        pod_range=given.pod_range,
        dns=Reach(port=given.dns.port, ranges=given.dns.ranges, namespace=given.dns.namespace, labels=given.dns.labels),
        storage_class=given.storage_class,
        publisher=None,
        pods=pod_rules(given.pods),
        admission_policies=given.cluster_scope,
    )


def deploy_existing(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    given = settings.existing
    assert given is not None
    cluster = describe_cluster(labels.environment, given)
    registry = given.registry.contract()
    images = data_images(settings, labels.environment, registry)
    provider = k8s.Provider(
        "kubernetes",
        context=given.context,
        # The SDK would put what KUBECONFIG says here; the plugin reads it by itself, also where it names several files.
        kubeconfig="",
        # Not the context, by which each person may call the cluster something else.
        cluster_identifier=cluster.name,
        enable_secret_mutable=True,
        # Of all ConfigMaps only the gateway's routes change: the others are named by a hash of their content.
        enable_config_map_mutable=True,
        opts=pulumi.ResourceOptions(),
    )
    return deploy_in_cluster(
        settings,
        labels,
        consumers,
        cluster=cluster,
        registry=registry,
        images=images,
        entry=settings.entry,
        provider=provider,
        addresses={STORAGE.name: given.storage.address} if given.storage else {},
        make_namespaces=given.cluster_scope,
        pull_document=pull_document(given.registry),
    )

"""The foundation on a cluster: a namespace for each consumer, and its data services wherever they are."""

from collections.abc import Mapping

import pulumi

from modules.core.component import NOBODY
from modules.core.contracts import Cluster, Consumer, Entry, Identity, Registry
from modules.core.labels import Labels
from stacks.foundation import Foundation
from stacks.foundation.data import (
    Place,
    deploy_database,
    deploy_store,
    describe_database,
    describe_store,
    own_consumers,
)
from stacks.foundation.namespaces import deploy_namespaces
from stacks.settings import PlatformSettings


def deploy_in_cluster(
    settings: PlatformSettings,
    labels: Labels,
    consumers: Mapping[str, Consumer],
    *,
    cluster: Cluster,
    registry: Registry,
    images: Mapping[str, str],
    entry: Entry,
    provider: pulumi.ProviderResource,
    addresses: Mapping[str, str],
    make_namespaces: bool = True,
    pull_document: str | None = None,
) -> Foundation:
    """Return the foundation on a cluster. `images`: what `data_images` says."""
    environment = labels.environment
    opts = pulumi.ResourceOptions(providers=[provider])
    store = describe_store(settings, environment, consumers)
    server = describe_database(settings, environment, consumers)
    identity = without_cloud(consumers)
    own = own_consumers(settings)
    held = own.keys() - settings.foundation.external.keys()
    namespaces = deploy_namespaces(
        {**own, **dict(sorted(consumers.items()))},
        store=store,
        database=server,
        identity=identity,
        cluster=cluster,
        labels=labels,
        protected=held if settings.protect_data else (),
        opts=opts,
        quota=settings.foundation.namespace_quota,
        make=make_namespaces,
        pull_secret=_pull_secret(registry, pull_document),
    )
    place = Place(
        settings=settings,
        labels=labels,
        cluster=cluster,
        registry=registry,
        images=images,
        namespaces=namespaces,
        consumers=consumers,
        opts=opts,
    )
    keys, databases = deploy_store(place, store), deploy_database(place, server)
    return Foundation(
        cluster=cluster,
        registry=registry,
        object_store=store,
        database=server,
        identity=identity,
        entry=entry,
        provider=provider,
        namespaces={
            consumer: _all_of(namespaces[consumer], keys.get(consumer), databases.get(consumer))
            for consumer in consumers
        },
        images=images,
        addresses=addresses,
    )


def _pull_secret(registry: Registry, document: str | None) -> tuple[str, pulumi.Output[str]] | None:
    if registry.pull_secret is None or document is None:
        return None
    return registry.pull_secret, pulumi.Output.secret(document)


def without_cloud(consumers: Mapping[str, Consumer]) -> Identity:
    """Return the identity of accounts that nobody outside of the cluster knows."""
    accounts = {name: dict.fromkeys(consumer.accounts, NOBODY) for name, consumer in consumers.items()}
    return Identity(accounts=accounts, reach=None)


def _all_of(name: pulumi.Output[str], *conditions: pulumi.Output[str] | None) -> pulumi.Output[str]:
    """The name, known once all conditions are: they are that name too."""
    return pulumi.Output.all(name, *(condition for condition in conditions if condition is not None)).apply(
        lambda names: names[0]
    )

"""A namespace for each consumer of data, open to what that consumer uses: the same on every foundation."""

from collections.abc import Collection, Mapping

import pulumi

from modules.cluster.namespace import Egress, Namespace
from modules.cluster.settings import QuotaSettings
from modules.core import naming
from modules.core.contracts import Cluster, Consumer, Database, Identity, ObjectStore, TableCatalog
from modules.core.labels import Labels
from modules.database.service import DATABASE
from modules.storage.service import STORAGE


def deploy_namespaces(
    consumers: Mapping[str, Consumer],
    *,
    store: ObjectStore,
    database: Database,
    identity: Identity,
    cluster: Cluster,
    labels: Labels,
    protected: Collection[str],
    opts: pulumi.ResourceOptions,
    quota: QuotaSettings | None = None,
    catalog: TableCatalog | None = None,
    make: bool = True,
    pull_secret: tuple[str, pulumi.Input[str]] | None = None,
) -> dict[str, pulumi.Output[str]]:
    """Create a namespace for each consumer. Return their names by consumer, known once they are there.

    make: False where the cluster's admin made them; only what is in them is created then. quota: None where the admin
    alone bounds them. pull_secret: name and
    document of the registry's login, in each of them."""
    return {
        name: Namespace(
            name,
            physical_name=naming.namespace(labels.environment, name),
            make=make,
            cluster=cluster,
            egress={
                **egress_of(name, consumer, store, database, identity, catalog=catalog),
                **proxies_of(consumer, store, cluster),
            },
            labels=labels,
            pull_secret=pull_secret,
            quota=quota,
            protect=name in protected,
            opts=opts,
        ).namespace
        for name, consumer in consumers.items()
    }


def egress_of(
    name: str,
    consumer: Consumer,
    store: ObjectStore,
    database: Database,
    identity: Identity,
    *,
    catalog: TableCatalog | None,
) -> dict[str, Egress]:
    """Return what a consumer's pods connect to for its data, by service. Who has no keys gets tokens instead."""
    used = {
        STORAGE.name: store.reach if consumer.buckets else None,
        DATABASE.name: database.reach if consumer.database else None,
        "catalog": catalog.reach if catalog is not None and consumer.tables else None,
        "identity": identity.reach if consumer.buckets and name not in store.credentials else None,
    }
    return {
        service: Egress(reach=reach, components=consumer.uses.get(service))
        for service, reach in used.items()
        if reach is not None
    }


def proxies_of(consumer: Consumer, store: ObjectStore, cluster: Cluster) -> dict[str, Egress]:
    """Return the proxies that a consumer's pods take to an object store outside of the cluster, where there are any."""
    proxy = cluster.pods.proxy
    if proxy is None or not consumer.buckets or not store.reach.ranges:
        return {}
    components = consumer.uses.get(STORAGE.name)
    return {f"proxy-{reach.port}": Egress(reach=reach, components=components) for reach in proxy.reach}

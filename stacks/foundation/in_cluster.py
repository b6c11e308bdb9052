"""What a foundation keeps in the cluster itself: a namespace for each consumer, the object store and the database."""

from collections.abc import Iterable, Mapping

import pulumi

from modules.cluster.namespace import Namespace
from modules.core import naming
from modules.core.contracts import Cluster, Consumer, Registry, users_of
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.database.postgresql import PostgreSQL, database
from modules.database.service import DATABASE
from modules.storage.documents import ROLES
from modules.storage.seaweedfs import SeaweedFS, object_store
from modules.storage.service import STORAGE
from stacks.foundation import Foundation
from stacks.settings import PlatformSettings

DATA = (STORAGE.name, DATABASE.name)
"""Services of the foundation, each in a namespace of its own."""


def data_images(environment: str, registry: Registry) -> dict[str, str]:
    """Return the references of the images that object store and database run. UserError where they were not built."""
    return {name: require_image(environment, registry, name) for name in ("storage", "postgresql")}


def deploy_in_cluster(
    settings: PlatformSettings,
    labels: Labels,
    consumers: Mapping[str, Consumer],
    *,
    cluster: Cluster,
    registry: Registry,
    images: Mapping[str, str],
    provider: pulumi.ProviderResource,
    addresses: Mapping[str, str],
) -> Foundation:
    """Return the foundation on a cluster that has neither object store nor database beside it. `images`: what
    `data_images` says."""
    environment = labels.environment
    opts = pulumi.ResourceOptions(providers=[provider])
    names = {name: naming.namespace(environment, name) for name in (*DATA, *sorted(consumers))}
    protected = DATA if settings.protect_data else ()
    namespaces = deploy_namespaces(names, cluster=cluster, labels=labels, protected=protected, opts=opts)
    store = object_store(names[STORAGE.name], {role: naming.bucket(environment, role) for role in ROLES}, consumers)
    server = database(names[DATABASE.name], consumers)
    storage = SeaweedFS(
        STORAGE.name,
        settings=settings.of(STORAGE),
        labels=labels,
        cluster=cluster,
        contract=store,
        image=images["storage"],
        namespace=namespaces[STORAGE.name],
        consumers=consumers,
        namespaces=namespaces,
        protect=settings.protect_data,
        opts=opts,
    )
    postgresql = PostgreSQL(
        DATABASE.name,
        settings=settings.of(DATABASE),
        labels=labels,
        cluster=cluster,
        contract=server,
        image=images["postgresql"],
        namespace=namespaces[DATABASE.name],
        namespaces=namespaces,
        components=users_of(DATABASE.name, consumers),
        protect=settings.protect_data,
        opts=opts,
    )
    return Foundation(
        cluster=cluster,
        registry=registry,
        object_store=store,
        database=server,
        provider=provider,
        namespaces={
            consumer: _all_of(namespaces[consumer], storage.granted.get(consumer), postgresql.granted.get(consumer))
            for consumer in consumers
        },
        images=images,
        addresses=addresses,
    )


def deploy_namespaces(
    names: Mapping[str, str],
    *,
    cluster: Cluster,
    labels: Labels,
    protected: Iterable[str],
    opts: pulumi.ResourceOptions,
) -> dict[str, pulumi.Output[str]]:
    """Create the namespaces (name by consumer). Return their names, known once they are there."""
    return {
        consumer: Namespace(
            consumer,
            physical_name=name,
            cluster=cluster,
            labels=labels,
            protect=consumer in protected,
            opts=opts,
        ).namespace
        for consumer, name in names.items()
    }


def _all_of(name: pulumi.Output[str], *conditions: pulumi.Output[str] | None) -> pulumi.Output[str]:
    """The name, known once all conditions are: they are that name too."""
    return pulumi.Output.all(name, *(condition for condition in conditions if condition is not None)).apply(
        lambda names: names[0]
    )

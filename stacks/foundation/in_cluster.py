"""What a foundation keeps in the cluster itself: a namespace for each consumer, the object store and the database."""

from collections.abc import Mapping

import pulumi

from modules.core import naming
from modules.core.component import NOBODY
from modules.core.contracts import Cluster, Consumer, Entry, Identity, Registry, users_of
from modules.core.images import require_image
from modules.core.labels import Labels
from modules.database.postgresql import PostgreSQL, database
from modules.database.service import DATABASE
from modules.storage.documents import ROLES
from modules.storage.seaweedfs import SeaweedFS, object_store
from modules.storage.service import STORAGE
from stacks.foundation import Foundation
from stacks.foundation.namespaces import deploy_namespaces
from stacks.settings import PlatformSettings

OWN = {
    STORAGE.name: Consumer(buckets=dict.fromkeys(ROLES, "write")),
    DATABASE.name: Consumer(buckets={}, database=True),
}
"""What the servers' own Jobs use, each in the namespace of its server."""


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
    entry: Entry,
    provider: pulumi.ProviderResource,
    addresses: Mapping[str, str],
    make_namespaces: bool = True,
    pull_document: str | None = None,
) -> Foundation:
    """Return the foundation on a cluster that has neither object store nor database beside it. `images`: what
    `data_images` says."""
    environment = labels.environment
    opts = pulumi.ResourceOptions(providers=[provider])
    # Their own Jobs use them, too.
    everyone = {**OWN, **dict(sorted(consumers.items()))}
    buckets = {role: naming.bucket(environment, role) for role in ROLES}
    store = object_store(STORAGE.name, naming.namespace(environment, STORAGE.name), buckets, consumers)
    server = database(DATABASE.name, naming.namespace(environment, DATABASE.name), consumers)
    identity = without_cloud(consumers)
    namespaces = deploy_namespaces(
        everyone,
        store=store,
        database=server,
        identity=identity,
        cluster=cluster,
        labels=labels,
        protected=OWN if settings.protect_data else (),
        opts=opts,
        make=make_namespaces,
        pull_secret=_pull_secret(registry, pull_document),
    )
    storage = SeaweedFS(
        STORAGE.name,
        settings=settings.of(STORAGE),
        labels=labels,
        cluster=cluster,
        contract=store,
        registry=registry,
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
        registry=registry,
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
        identity=identity,
        entry=entry,
        provider=provider,
        namespaces={
            consumer: _all_of(namespaces[consumer], storage.granted.get(consumer), postgresql.granted.get(consumer))
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

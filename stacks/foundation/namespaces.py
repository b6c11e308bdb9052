"""A namespace for each consumer of data, open to what that consumer uses: the same on every foundation."""

from collections.abc import Collection, Mapping

import pulumi

from modules.cluster.namespace import Egress, Namespace
from modules.core import naming
from modules.core.contracts import Cluster, Consumer, Database, ObjectStore
from modules.core.labels import Labels
from modules.database.service import DATABASE
from modules.storage.service import STORAGE


def deploy_namespaces(
    consumers: Mapping[str, Consumer],
    *,
    store: ObjectStore,
    database: Database,
    cluster: Cluster,
    labels: Labels,
    protected: Collection[str],
    opts: pulumi.ResourceOptions,
) -> dict[str, pulumi.Output[str]]:
    """Create a namespace for each consumer. Return their names by consumer, known once they are there."""
    return {
        name: Namespace(
            name,
            physical_name=naming.namespace(labels.environment, name),
            cluster=cluster,
            egress=egress_of(consumer, store, database),
            labels=labels,
            protect=name in protected,
            opts=opts,
        ).namespace
        for name, consumer in consumers.items()
    }


def egress_of(consumer: Consumer, store: ObjectStore, database: Database) -> dict[str, Egress]:
    """Return the data services that a consumer's pods connect to, by service."""
    used = {STORAGE.name: (consumer.buckets, store.reach), DATABASE.name: (consumer.database, database.reach)}
    return {
        service: Egress(reach=reach, components=consumer.uses.get(service))
        for service, (wanted, reach) in used.items()
        if wanted
    }

"""The foundation on the embedded cluster: object store and database run in the cluster itself."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from embedded.cluster.layout import REGISTRY_PORT
from embedded.cluster.network import split
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


def describe_cluster(environment: str, network: str) -> Cluster:
    """The cluster of an environment, which `groundwork up` started before the program runs."""
    ranges = split(network)
    return Cluster(
        name=f"groundwork-{environment}",
        pod_range=str(ranges.pods),
        service_range=str(ranges.services),
        storage_class="standard",
        publisher=f"{ranges.host_end}/32",
        token_issuer="https://kubernetes.default.svc.cluster.local",
    )


def describe_registry(network: str) -> Registry:
    """The registry listens at the node's own address, the same for who pushes and who pulls."""
    address = f"{split(network).node}:{REGISTRY_PORT}/groundwork"
    return Registry(push=address, pull=address)


def deploy_embedded(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    environment = labels.environment
    cluster = describe_cluster(environment, settings.embedded.network)
    registry = describe_registry(settings.embedded.network)
    images = {name: require_image(environment, registry, name) for name in ("storage", "postgresql")}
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
    on_cluster = pulumi.ResourceOptions(providers=[provider])
    namespace_names = {name: naming.namespace(environment, name) for name in (*DATA, *sorted(consumers))}
    namespaces = {
        name: Namespace(
            name,
            physical_name=namespace_name,
            cluster=cluster,
            labels=labels,
            protect=settings.protect_data and name in DATA,
            opts=on_cluster,
        ).namespace
        for name, namespace_name in namespace_names.items()
    }
    store = object_store(
        namespace_names[STORAGE.name], {role: naming.bucket(environment, role) for role in ROLES}, consumers
    )
    server = database(namespace_names[DATABASE.name], consumers)
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
        opts=on_cluster,
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
        opts=on_cluster,
    )
    granted = {
        consumer: _all_of(namespaces[consumer], storage.granted.get(consumer), postgresql.granted.get(consumer))
        for consumer in consumers
    }
    port = settings.of(STORAGE).local_port
    return Foundation(
        cluster=cluster,
        registry=registry,
        object_store=store,
        database=server,
        provider=provider,
        namespaces=granted,
        images=images,
        addresses={STORAGE.name: f"http://127.0.0.1:{port}"} if port is not None else {},
    )


def _all_of(name: pulumi.Output[str], *conditions: pulumi.Output[str] | None) -> pulumi.Output[str]:
    """The name, known once all conditions are: they are that name too."""
    return pulumi.Output.all(name, *(condition for condition in conditions if condition is not None)).apply(
        lambda names: names[0]
    )

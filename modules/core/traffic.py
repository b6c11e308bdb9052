"""Who may talk to whom: the two network policies of one permission, one at each end."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from .component import Component
from .contracts import Cluster
from .kubernetes import addresses, allow_egress, allow_ingress, pods_of


def allow_clients(
    server: Component,
    *,
    component: str,
    namespace: pulumi.Input[str],
    port: int,
    clients: Mapping[str, pulumi.Input[str]],
    components: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Lets pods of the clients' namespaces (by client) reach `port` of the server's pods with that component label,
    which run in `namespace`. The server's own namespace is a client only when it is among them.

    components: by client, which of its pods; where a client is not there, all of them.
    """
    pods, components = server.selector(component=component), components or {}
    NetworkPolicy(
        f"{server.name}-allow-clients",
        metadata=server.meta("allow-clients", component="network-policy", namespace=namespace),
        spec=allow_ingress(
            pods, peers=[pods_of(clients[client], components.get(client)) for client in sorted(clients)], port=port
        ),
        opts=server.child(),
    )
    for client, place in sorted(clients.items()):
        NetworkPolicy(
            f"{server.name}-allow-{client}",
            metadata=server.meta(f"allow-{server.name}", component="network-policy", namespace=place),
            spec=allow_egress(pods, namespace=namespace, port=port, components=components.get(client)),
            opts=server.child(),
        )


def allow_published(
    server: Component,
    *,
    component: str,
    namespace: pulumi.Input[str],
    port: int,
    cluster: Cluster,
    local_port: int | None,
) -> None:
    """Lets connections to the local port reach `port` of the server's pods with that component label: they come from
    outside of the cluster, and from one address. Nothing where the server is not published."""
    if local_port is None or cluster.publisher is None:
        return
    NetworkPolicy(
        f"{server.name}-allow-published",
        metadata=server.meta("allow-published", component="network-policy", namespace=namespace),
        spec=allow_ingress(server.selector(component=component), peers=[addresses(cluster.publisher)], port=port),
        opts=server.child(),
    )

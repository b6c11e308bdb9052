"""Who may talk to whom: the two network policies of one permission, one at each end."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from .component import Component
from .kubernetes import allow_egress, allow_ingress


def allow_clients(
    server: Component,
    *,
    component: str,
    namespace: pulumi.Input[str],
    port: int,
    clients: Mapping[str, pulumi.Input[str]],
) -> None:
    """Lets every pod of the clients' namespaces (by client) reach `port` of the server's pods with that component
    label, which run in `namespace`. The server's own namespace is a client only when it is among them."""
    pods = server.selector(component=component)
    NetworkPolicy(
        f"{server.name}-allow-clients",
        metadata=server.meta("allow-clients", component="network-policy", namespace=namespace),
        spec=allow_ingress(pods, namespaces=[clients[client] for client in sorted(clients)], port=port),
        opts=server.child(),
    )
    for client, place in sorted(clients.items()):
        NetworkPolicy(
            f"{server.name}-allow-{client}",
            metadata=server.meta(f"allow-{server.name}", component="network-policy", namespace=place),
            spec=allow_egress(pods, namespace=namespace, port=port),
            opts=server.child(),
        )

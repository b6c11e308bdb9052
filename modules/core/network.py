"""Who may talk to whom: network policies, the two of a permission, one at each end."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from .component import Component
from .contracts import Cluster, Reach
from .labels import COMPONENT, LOCAL_PORT

API_PORTS = (443, 6443)
"""Of the Kubernetes API: its Service's, and its own."""
EVERYWHERE = "0.0.0.0/0"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def deny_all() -> NetworkPolicySpecArgs:
    """No traffic in or out of any pod of the namespace, unless another policy allows it."""
    return NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"])


def allow_dns(dns: Reach) -> NetworkPolicySpecArgs:
    """Every pod of the namespace may ask the cluster's name servers."""
    return _egress(LabelSelectorArgs(), _ends(dns), [_port(dns.port, "UDP"), _port(dns.port, "TCP")])


def allow_reach(reach: Reach, *, components: Sequence[str] | None = None) -> NetworkPolicySpecArgs:
    """Pods of these components (None: every pod) in the policy's namespace may use a service."""
    return _egress(_of_components(components), _ends(reach), [_port(reach.port)])


def allow_egress(
    to: Mapping[str, str], *, namespace: pulumi.Input[str], port: int, components: Sequence[str] | None = None
) -> NetworkPolicySpecArgs:
    """Pods of these components (None: every pod) in the policy's namespace may reach `port` of the pods with labels
    `to` in `namespace`."""
    return _egress(_of_components(components), [_labelled(to, namespace)], [_port(port)])


def _egress(
    pods: LabelSelectorArgs, ends: list[NetworkPolicyPeerArgs], ports: list[NetworkPolicyPortArgs]
) -> NetworkPolicySpecArgs:
    return NetworkPolicySpecArgs(
        pod_selector=pods, policy_types=["Egress"], egress=[NetworkPolicyEgressRuleArgs(to=ends, ports=ports)]
    )


def _ends(reach: Reach) -> list[NetworkPolicyPeerArgs]:
    pods = [] if reach.namespace is None else [_labelled(reach.labels, reach.namespace)]
    return [*pods, *map(addresses, reach.ranges)]


def _labelled(labels: Mapping[str, str], namespace: pulumi.Input[str]) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(
        namespace_selector=_named(namespace), pod_selector=LabelSelectorArgs(match_labels=labels)
    )


def _port(number: int, protocol: str | None = None) -> NetworkPolicyPortArgs:
    return NetworkPolicyPortArgs(protocol=protocol, port=number)


def allow_api(pods: Mapping[str, str]) -> NetworkPolicySpecArgs:
    """The pods with these labels may reach the Kubernetes API. It runs outside of the pods' network, at an address that
    only the cluster knows."""
    return _egress(LabelSelectorArgs(match_labels=pods), [addresses(EVERYWHERE)], [*map(_port, API_PORTS)])


def allow_ingress(
    pods: Mapping[str, str], *, peers: Sequence[NetworkPolicyPeerArgs] | None, port: int
) -> NetworkPolicySpecArgs:
    """These peers may reach `port` of the pods with these labels in the policy's namespace.
    None: everyone, from outside of the cluster too."""
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=pods),
        policy_types=["Ingress"],
        ingress=[NetworkPolicyIngressRuleArgs(from_=peers, ports=[_port(port)])],
    )


def allow_https(pod_range: str | None) -> NetworkPolicySpecArgs:
    """Every pod of the policy's namespace may reach HTTPS servers outside of the cluster, and its API server. Where the
    range of the cluster's pods is not known, those of its pods that let it in, too."""
    pods = None if pod_range is None else [pod_range]
    outside = NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=EVERYWHERE, except_=pods))
    return _egress(LabelSelectorArgs(), [outside], [*map(_port, API_PORTS)])


def pods_of(namespace: pulumi.Input[str], components: Sequence[str] | None = None) -> NetworkPolicyPeerArgs:
    """Pods of these components in a namespace; None: all of its pods."""
    pods = None if components is None else _of_components(components)
    return NetworkPolicyPeerArgs(namespace_selector=_named(namespace), pod_selector=pods)


def addresses(cidr: str) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr))


def _named(namespace: pulumi.Input[str]) -> LabelSelectorArgs:
    return LabelSelectorArgs(match_labels={NAMESPACE_LABEL: namespace})


def _of_components(components: Sequence[str] | None) -> LabelSelectorArgs:
    if components is None:
        return LabelSelectorArgs()
    wanted = LabelSelectorRequirementArgs(key=COMPONENT, operator="In", values=list(components))
    return LabelSelectorArgs(match_expressions=[wanted])


def admit_clients(
    server: Component,
    *,
    component: str,
    namespace: pulumi.Input[str],
    port: int,
    clients: Mapping[str, pulumi.Input[str]],
    components: Mapping[str, Sequence[str]],
) -> None:
    """Lets pods of the clients' namespaces (by client) enter at `port` of the server's pods with that component label,
    which run in `namespace`. The server's own namespace is a client only when it is among them.

    components: by client, which of its pods; where a client is not there, all of them.
    """
    peers = [pods_of(clients[client], components.get(client)) for client in sorted(clients)]
    NetworkPolicy(
        f"{server.name}-allow-clients",
        metadata=server.meta("allow-clients", component="network-policy", namespace=namespace),
        spec=allow_ingress(server.selector(component=component), peers=peers, port=port),
        opts=server.child(),
    )


def allow_clients(
    server: Component,
    *,
    component: str,
    namespace: pulumi.Input[str],
    port: int,
    clients: Mapping[str, pulumi.Input[str]],
    components: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Both ends of it: see `admit_clients`. For servers whose contract does not say how they are reached."""
    components = components or {}
    admit_clients(server, component=component, namespace=namespace, port=port, clients=clients, components=components)
    pods = server.selector(component=component)
    for client, client_namespace in sorted(clients.items()):
        NetworkPolicy(
            f"{server.name}-allow-{client}",
            metadata=server.meta(f"allow-{server.name}", component="network-policy", namespace=client_namespace),
            spec=allow_egress(pods, namespace=namespace, port=port, components=components.get(client)),
            opts=server.child(),
        )


def published_service(
    server: Component,
    resource: str,
    name: str,
    *,
    component: str,
    namespace: pulumi.Input[str],
    ports: Mapping[str, int],
    cluster: Cluster,
    local_port: int | None,
) -> None:
    """Create a Service (`Component.service`). Where the cluster publishes local ports, its first port is published at
    `local_port`, and connections to it reach the pods: they come from outside of the cluster, and from one address."""
    publisher = None if local_port is None else cluster.publisher
    annotations = {} if publisher is None else {LOCAL_PORT: str(local_port)}
    server.service(resource, name, component=component, namespace=namespace, ports=ports, annotations=annotations)
    if publisher is None:
        return
    port, *_ = ports.values()
    NetworkPolicy(
        f"{server.name}-allow-published",
        metadata=server.meta("allow-published", component="network-policy", namespace=namespace),
        spec=allow_ingress(server.selector(component=component), peers=[addresses(publisher)], port=port),
        opts=server.child(),
    )

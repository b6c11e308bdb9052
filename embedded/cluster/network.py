"""How a cluster's one range of addresses is divided. Arithmetic only."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from modules.core.errors import UserError

PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ALLOWED = "allowed is a /16 within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 10.80.0.0/16"


@dataclass(frozen=True, kw_only=True)
class Network:
    """The parts of a /16; see `split`."""

    whole: IPv4Network
    pods: IPv4Network
    """Pod addresses of all nodes: the first /18."""
    node_pods: IPv4Network
    """Pod addresses of the real node: the first /24 of `pods`."""
    simulated_pods: IPv4Network
    """Pod addresses of simulated nodes: the upper half of `pods`."""
    services: IPv4Network
    """Service addresses: the second /18."""
    link: IPv4Network
    """Between this machine and the node: the last /30."""

    @property
    def node(self) -> IPv4Address:
        """The node's own address, where API server, registry and DNS answer; it is its pods' gateway too."""
        return self.node_pods[1]

    @property
    def host_end(self) -> IPv4Address:
        """This machine's address on the link."""
        return self.link[1]

    @property
    def node_end(self) -> IPv4Address:
        """The node's address on the link."""
        return self.link[2]

    @property
    def api_service(self) -> IPv4Address:
        """The Service `kubernetes` in namespace default."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """The Service of name servers that run in pods, where a cluster has such."""
        return self.services[10]


def parse(text: str) -> IPv4Network:
    """Return a private IPv4 /16 such as 10.80.0.0/16. Raise ValueError, which says why, for anything else."""
    try:
        whole = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{error}; {ALLOWED}") from error
    if whole.prefixlen != 16 or not any(whole.subnet_of(private) for private in PRIVATE):
        raise ValueError(ALLOWED)
    return whole


def split(text: str) -> Network:
    """Divide a private IPv4 /16. Raise UserError for anything else."""
    try:
        whole = parse(text)
    except ValueError as error:
        raise UserError(f"network: {text!r} can't be used: {error}") from error
    pods, services, *_ = whole.subnets(new_prefix=18)
    link = IPv4Network((int(whole.broadcast_address) - 3, 30))  # without the 16,383 before it
    return Network(
        whole=whole,
        pods=pods,
        node_pods=next(pods.subnets(new_prefix=24)),
        simulated_pods=list(pods.subnets(new_prefix=19))[1],
        services=services,
        link=link,
    )

"""Who of this machine gets to a cluster other than by its published ports: root alone, of whom the forwarder is.

This machine has routes to pods and Services. Without these rules any of its users, and where it forwards, as with
Docker, its containers and neighbours too, would reach what the gateway asks for a login, the registry and the kubelet.
"""

import shutil

from .layout import API_PORT, KUBELET_PORT, METRICS_PORT, PATH, PROXY_HEALTH_PORT, REGISTRY_PORT
from .network import Network
from .node import run
from .parts import succeeds

OWN_PORTS = (REGISTRY_PORT, METRICS_PORT, KUBELET_PORT, PROXY_HEALTH_PORT)
"""Of the node's parts. Its other ports are what an admin published there (NodePort, hostPort), as on any node."""


def rules(link: str, network: Network) -> str:
    """Return the table, for nft, of a cluster's link. It follows no connections, which would have all of this machine's
    followed: whoever can't begin one has none.

    An owner is looked up for a socket that a process still holds, which one that begins a connection is.
    """
    ports = ", ".join(map(str, OWN_PORTS))
    return f"""
add table inet {link}
delete table inet {link}
table inet {link} {{
  chain output {{
    type filter hook output priority filter; policy accept;
    oifname != "{link}" accept
    meta l4proto {{ icmp, ipv6-icmp }} accept
    tcp flags & (fin | syn | rst | ack) != syn accept
    meta skuid 0 accept
    ip daddr {network.node} tcp dport {API_PORT} accept comment "asks everybody for a certificate or a token"
    ip daddr {network.node} tcp dport != {{ {ports} }} accept
    reject
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    oifname "{link}" reject
  }}
}}
"""


def close(link: str, network: Network) -> None:
    """Put the rules of a link in place, there or not."""
    run("nft", rules(link, network))


def is_closed(link: str) -> bool:
    """Whether they are in place: who loads this machine's own rules anew may begin with removing all."""
    return succeeds("nft", "list", "table", "inet", link)


def remove(link: str) -> None:
    """Remove them, where they are left."""
    if shutil.which("nft", path=PATH) and is_closed(link):
        run("nft", "delete", "table", "inet", link)

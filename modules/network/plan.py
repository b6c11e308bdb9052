"""How the range of a network is divided into subnets. Arithmetic only."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

Kind = Literal["public", "private", "intra"]
KINDS: tuple[Kind, ...] = ("public", "private", "intra")
Nat = Literal["none", "one", "per-zone"]
PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
LEAST_ZONES, MOST_ZONES = 2, 4
"""EKS and RDS need subnets in two zones. Every range has room for four, so that another zone moves no subnet."""
LARGEST, SMALLEST = 16, 28
"""Bits of prefix that AWS allows for a VPC, and for a subnet."""
SMALLEST_PLANNED = SMALLEST - 5
"""Bits of prefix of the smallest range whose subnets AWS allows: they have 5 bits more at most."""


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """One subnet of a plan."""

    kind: Kind
    """public: reached from the internet, for load balancers and NAT. private: for nodes and pods. intra: has no way to
    the internet, for databases and the addresses of the control plane."""
    zone: int
    """Number of its zone among those used, from 0."""
    range: str

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.zone}"


def plan(whole: str, zones: int) -> list[Subnet]:
    """Return the subnets: one of each kind for each zone.

    Half of the range is for private subnets, since every pod has an address there; an eighth each is for public and
    intra ones; and a quarter stays free for what comes later. Of 10.40.0.0/16 that is a /19, a /21 and a /21 for each
    zone, and 10.40.192.0/18. Raise ValueError where the range is too small, or the zones too many.
    """
    network = IPv4Network(whole)
    if network.prefixlen > SMALLEST_PLANNED or not 1 <= zones <= MOST_ZONES:
        raise ValueError(
            f"{whole} for {zones} zones: expected a /{SMALLEST_PLANNED} or larger, 1 to {MOST_ZONES} zones"
        )
    eighths = list(network.subnets(prefixlen_diff=3))
    parts: dict[Kind, list[IPv4Network]] = {
        "private": eighths[:4],
        "public": list(eighths[4].subnets(prefixlen_diff=2)),
        "intra": list(eighths[5].subnets(prefixlen_diff=2)),
    }
    return [Subnet(kind=kind, zone=zone, range=str(parts[kind][zone])) for kind in KINDS for zone in range(zones)]


def private_range(whole: str) -> str:
    """Return the range that all private subnets of a network are in, and none of the others: that of nodes and pods."""
    return str(next(IPv4Network(whole).subnets(prefixlen_diff=1)))


def nat_zones(nat: Nat, zones: int) -> list[int | None]:
    """Return for each zone the zone of the NAT gateway that its private subnet uses; None where there is none."""
    ways: dict[Nat, list[int | None]] = {"none": [None] * zones, "one": [0] * zones, "per-zone": list(range(zones))}
    return ways[nat]

"""Settings of a network in a cloud."""

from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modules.core.settings import Settings, advice

from .plan import LARGEST, LEAST_ZONES, MOST_ZONES, PRIVATE, SMALLEST, SMALLEST_PLANNED, Nat, plan

GATEWAY_ENDPOINT = "s3"
"""The service of AWS that a route leads to, at no cost."""
INTERFACE_ENDPOINTS = (
    *("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "sts", "logs", "kms", "sqs", "ssm", "secretsmanager"),
    *("elasticloadbalancing", "autoscaling", "monitoring", "glue", "athena", "lakeformation", "rds"),
)
"""Services of AWS that an address in each zone leads to, each at a price by the hour."""
REQUIRED_WITHOUT_NAT = ("ec2", "ecr.api", "ecr.dkr", "eks", "sts", "sqs", "ssm")
"""What a node needs to join the cluster and to pull images, and Karpenter to bring nodes."""
TAKEN = 5 + 6 + 2
"""Addresses of an intra subnet beside the endpoints': AWS's own in each, those that EKS needs for a control plane, and
those of the database server and of one that takes its place."""
RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""That CloudWatch Logs knows: PutRetentionPolicy."""


def _range(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{error}; expected an IPv4 range such as 10.40.0.0/16, without host bits") from error
    if not any(network.subnet_of(private) for private in PRIVATE):
        raise ValueError(f"allowed are private ranges: within {', '.join(map(str, PRIVATE))}")
    return text


def _vpc_range(text: str) -> str:
    prefix = IPv4Network(_range(text)).prefixlen
    if not LARGEST <= prefix <= SMALLEST:
        raise ValueError(f"this is a /{prefix}, and AWS takes /{LARGEST} to /{SMALLEST}: choose a /{LARGEST}")
    if prefix > SMALLEST_PLANNED:
        raise ValueError(
            f"a /{prefix} has no room for the subnets of {MOST_ZONES} zones: allowed are /{LARGEST} to "
            f"/{SMALLEST_PLANNED}"
        )
    return text


def _interfaces(names: list[str]) -> list[str]:
    for name in names:
        if name == GATEWAY_ENDPOINT:
            raise ValueError(f"{name!r} always has a route of its own, which costs nothing: remove it")
        if name not in INTERFACE_ENDPOINTS:
            raise ValueError(f"{name!r}: {advice(name, list(INTERFACE_ENDPOINTS))}")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{repeated[0]!r} is there twice: remove one")
    return names


class NetworkSettings(Settings):
    """The network of a platform on AWS."""

    range: Annotated[str, AfterValidator(_vpc_range)] = Field(
        default="10.40.0.0/16",
        description=f"Private IPv4 range of the VPC, /{LARGEST} to /{SMALLEST_PLANNED}: nodes and pods have "
        "addresses of it. It never changes.",
    )
    service_range: Annotated[str, AfterValidator(_range)] = Field(
        default="172.20.0.0/16",
        description="Private IPv4 range of the cluster's Services, /12 to /24, apart from the VPC's. It never changes.",
    )
    peers: list[Annotated[str, AfterValidator(_range)]] = Field(
        default=[], description="Private ranges of networks that are reached from it, or will be: it is kept apart."
    )
    zones: int = Field(
        default=2,
        ge=LEAST_ZONES,
        le=MOST_ZONES,
        description=f"Availability zones, {LEAST_ZONES} to {MOST_ZONES}: EKS and RDS need two.",
    )
    nat: Nat = Field(
        default="one",
        description="The way of nodes and pods to the internet: none, by endpoints to AWS alone; one for all zones; "
        "per-zone, which outlives the loss of one and costs as many times as much.",
    )
    endpoints: Annotated[list[str], AfterValidator(_interfaces)] = Field(
        default=[],
        description="Services of AWS with an address in the network, beside S3, which has a route of its own.",
    )
    flow_log_days: RetentionDays = Field(
        default=30, description="Days that records of connections are kept: 1, 3, 5, 7, 14, 30, 60, 90 ... 3653."
    )

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        prefix = IPv4Network(self.service_range).prefixlen
        if not 12 <= prefix <= 24:
            raise ValueError(f"service_range {self.service_range}: EKS takes /12 to /24: choose one of these")
        others = [("range", self.range), *((f"peers.{place}", peer) for place, peer in enumerate(self.peers))]
        for name, other in others:
            if IPv4Network(self.service_range).overlaps(IPv4Network(other)):
                raise ValueError(f"service_range {self.service_range} and {name} {other} overlap: change one of them")
        for name, other in others[1:]:
            if IPv4Network(self.range).overlaps(IPv4Network(other)):
                raise ValueError(f"range {self.range} and {name} {other} overlap: change one of them")
        return self

    @model_validator(mode="after")
    def _endpoints_fit(self) -> Self:
        smallest = min(IPv4Network(each.range).num_addresses for each in plan(self.range, self.zones))
        room = smallest - TAKEN
        if len(self.endpoints) > room:
            raise ValueError(
                f"range {self.range} has room for {room} endpoints in each zone, and {len(self.endpoints)} are named: "
                "choose a larger range, or name fewer"
            )
        return self

    @model_validator(mode="after")
    def _nodes_can_join(self) -> Self:
        missing = [name for name in REQUIRED_WITHOUT_NAT if name not in self.endpoints]
        if self.nat == "none" and missing:
            raise ValueError(
                f"nat is none, and nodes reach no AWS service without it but by endpoints: add {', '.join(missing)} to "
                "endpoints, or set nat to one"
            )
        return self

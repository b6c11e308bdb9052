"""What a stack's file says of a platform on an account of AWS. The commands read it too, without the engine's SDK."""

from collections.abc import Mapping, Sequence
from datetime import date
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from modules.budget.settings import BudgetSettings
from modules.cluster.eks_settings import EksSettings
from modules.core.aws import AwsAccount, platform_tags
from modules.core.contracts import Entry
from modules.core.images import Image
from modules.core.labels import Labels
from modules.core.protection import Protection
from modules.core.settings import Cidr, Settings
from modules.database.rds_settings import RdsSettings
from modules.database.service import DATABASE
from modules.lake.settings import LakeSettings
from modules.network.settings import NetworkSettings
from modules.nodes.images import NODES_IMAGE
from modules.nodes.settings import NodesSettings, PoolSettings, ShapeSettings, TeamSettings
from modules.storage.settings import BucketsSettings
from stacks.foundation.reached import Domain
from stacks.foundation.settings import FoundationSettings
from stacks.foundation.stack_settings import StackName

PARTITION = "aws"
DATABASE_CA = "GROUNDWORK_DATABASE_CA"
"""Variable: PEM file of the authority of databases, in place of foundation.database.ca, where the account that
AWS_ENDPOINT_URL leads to has one of its own."""
Region = Literal[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
]
"""Those of the partition, as botocore has them: a test compares."""
REGISTRY_ALONE = "GROUNDWORK_REGISTRY_ALONE"
"""Variable: set, the program creates the registry and nothing else. For a run of the engine that names it (--target):
any other would delete the rest."""
ZONE_LETTERS = "abcdef"
"""That a zone's name ends in: us-east-1 has six."""
SYSTEM = PoolSettings(purpose="system", shape=ShapeSettings(cpu=4, memory="16Gi"), min=2, max=4)
NODES = "nodes"
"""Name of what brings nodes: of its namespace, for the commands and the program."""
LOAD_BALANCER = "service.beta.kubernetes.io/aws-load-balancer"
"""Prefix of the annotations by which the cluster makes load balancers."""
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2 alone."""
HTTPS, FORWARDED = 443, 8443
ZONES: Mapping[str, str] = {
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd",
    "us-east-1": "abcdef",
    "us-west-1": "",
    "us-west-2": "abcd",
}
"""Letters of a region's availability zones, as EC2 lists them for a new account; those of others are a, b and c. Two
accounts have not the same ones in us-west-1."""
Certificate = Annotated[str, StringConstraints(pattern=r"^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-f0-9-]+$")]
"""ARN of a certificate of ACM."""


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _is_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError(f"{error}: expected a day, such as 2027-01-31") from error


class AwsEntrySettings(Settings):
    """How people and clients outside of the cluster get to the gateway."""

    by: Literal["none", "load-balancer"] = Field(
        default="none",
        description="load-balancer: a network load balancer. none: `groundwork open` forwards a port to it.",
    )
    domain: Domain | None = Field(
        default=None,
        description="Host name that leads to it, such as ml.example.com; each service has a name below it. Needed for "
        "load-balancer.",
    )
    certificate: Certificate | None = Field(
        default=None,
        description="ARN of a certificate of ACM in the account and region, of domain and *.domain, that clients are "
        "shown, by HTTP/1.1 alone: gRPC is not reached through it. null: the platform's own certificate authority "
        "issues one.",
    )
    public: bool = Field(
        default=False, description="Whether it has public addresses; false: it is reached from the network alone."
    )
    ranges: list[Cidr] = Field(
        default=[],
        description="CIDRs of the clients that may connect, needed where it is public; none: all of the network.",
    )

    @model_validator(mode="after")
    def _keys_belong_to_the_way(self) -> Self:
        if self.by == "none":
            for name, field in type(self).model_fields.items():
                if name != "by" and getattr(self, name) != field.default:
                    raise ValueError(f"{name} is not for by: none: remove it, or set by to load-balancer")
            return self
        if self.domain is None:
            raise ValueError("domain is missing, which by: load-balancer needs: the host name that leads to it")
        if self.public and not self.ranges:
            raise ValueError("ranges is empty where public is true: name the CIDRs that may connect")
        return self

    def entry(self, tags: Mapping[str, str]) -> Entry:
        """Return how the gateway is reached. tags: of the load balancer."""
        if self.by == "none":
            return Entry(domain="localhost", addresses=("127.0.0.1",), port=FORWARDED, forwarded=True)
        assert self.domain is not None
        shown = {
            f"{LOAD_BALANCER}-ssl-cert": self.certificate,
            f"{LOAD_BALANCER}-ssl-ports": "https",
            f"{LOAD_BALANCER}-ssl-negotiation-policy": TLS_POLICY,
            # It ends the clients' TLS, and speaks TLS to the gateway.
            f"{LOAD_BALANCER}-backend-protocol": "ssl",
        }
        annotations = {
            f"{LOAD_BALANCER}-type": "nlb",
            f"{LOAD_BALANCER}-internal": None if self.public else "true",
            f"{LOAD_BALANCER}-cross-zone-load-balancing-enabled": "true",
            f"{LOAD_BALANCER}-additional-resource-tags": ",".join(f"{key}={value}" for key, value in tags.items()),
            "service.beta.kubernetes.io/load-balancer-source-ranges": ",".join(self.ranges) or None,
            **(shown if self.certificate else {}),
        }
        return Entry(
            domain=self.domain,
            port=HTTPS,
            service_type="LoadBalancer",
            annotations={key: value for key, value in annotations.items() if value is not None},
        )


class AwsNodesSettings(NodesSettings):
    """The nodes of a cluster on AWS."""

    image: Annotated[str, StringConstraints(pattern=r"^al2023@(latest|v[0-9]{8})$")] = Field(
        default="al2023@latest",
        description="Machine image of the nodes that come when pods need them: a release of EKS's Amazon Linux 2023, "
        "such as al2023@v20251103; or al2023@latest, which replaces nodes as images appear, those of purpose training "
        "excepted.",
    )


class AwsSettings(FoundationSettings):
    """An account of AWS, in one region."""

    target: Literal["aws"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: never written
        description="aws: an account of AWS."
    )
    account: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] = Field(
        description='Number of the account, twelve digits as text ("123456789012"): in no other one anything is made.'
    )
    region: Region = Field(
        description="Region, such as eu-west-1. Those of China and of the US government are not among them."
    )
    availability_zones: list[str] = Field(
        default=[],
        description="Names of the availability zones, as many as network.zones says; none: the region's first ones. "
        "They never change.",
    )
    protection: Protection = Field(
        default="full",
        description="full: AWS refuses to delete what holds data, the database is in two zones, backed up for 14 days "
        "and leaves a snapshot, logs are kept for a year. removable: the same, but AWS deletes cluster and database "
        "when that is asked for: set it before a platform is taken down. disposable: all of it may go with the "
        "environment.",
    )
    cost_centre: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 +._:/@-]{1,256}$")] | None = Field(
        default=None, description="Who pays: the tag cost-centre of everything that takes tags."
    )
    expiry: Annotated[str, BeforeValidator(_day), AfterValidator(_is_day)] | None = Field(
        default=None, description="Day after which nobody needs it, as 2027-01-31: the tag expiry."
    )
    service_ranges: list[Cidr] = Field(
        default=["0.0.0.0/0"],
        min_length=1,
        description="CIDRs at which S3 and STS answer (https://ip-ranges.amazonaws.com/ip-ranges.json): network "
        "policies can't name a host, so that by default HTTPS is open to consumers everywhere.",
    )
    network: NetworkSettings = Field(default=NetworkSettings(), description="The network.")
    cluster: EksSettings = Field(description="The cluster.")
    nodes: AwsNodesSettings = Field(
        default=AwsNodesSettings(pools={"system": SYSTEM}), description="The nodes of the cluster."
    )
    buckets: BucketsSettings = Field(default=BucketsSettings(), description="The buckets of S3, by role.")
    database: RdsSettings = Field(description="The database server.")
    lake: LakeSettings | None = Field(
        default=None,
        description="The catalog of workloads' tables, in Glue, Lake Formation and Athena; null: there is none. Lake "
        "Formation is one for the account and region.",
    )
    budget: BudgetSettings | None = Field(
        default=None, description="What it may cost a month, and who hears of it; null: nobody does."
    )
    reached: AwsEntrySettings = Field(default=AwsEntrySettings(), description="How the gateway is reached.")
    services_stack: StackName | None = Field(
        default=None,
        description="Name of the stack that deploys the services on this foundation, by its foundation.stack; this one "
        "makes the foundation alone, and hands it over. null: this one deploys them.",
    )

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        zones = self.availability_zones
        if zones and (len(zones) != self.network.zones or len({*zones}) != len(zones)):
            raise ValueError(
                f"availability_zones are {', '.join(zones)}: network.zones says {self.network.zones}: name so many "
                "different ones"
            )
        if strange := [zone for zone in zones if zone not in {f"{self.region}{letter}" for letter in ZONE_LETTERS}]:
            raise ValueError(
                f"availability_zones hold {strange[0]!r}, which is none of {self.region}: such as {self.region}a"
            )
        if len(self.zone_names) < self.network.zones:
            raise ValueError(
                f"availability_zones are not named, and network.zones is {self.network.zones}, more than are known of "
                f"{self.region}: name them (`aws ec2 describe-availability-zones --region {self.region}`), or lower "
                "network.zones"
            )
        return self

    @model_validator(mode="after")
    def _certificate_is_of_the_region(self) -> Self:
        own = f"arn:{PARTITION}:acm:{self.region}:{self.account}:"
        if self.reached.certificate is not None and not self.reached.certificate.startswith(own):
            raise ValueError(
                f"reached.certificate is {self.reached.certificate}, but a load balancer takes certificates of its own "
                f"account and region alone: give one that begins with {own}"
            )
        return self

    @model_validator(mode="after")
    def _lake_is_of_the_account(self) -> Self:
        if self.lake is None:
            return self
        for key, principals in {"administrators": self.lake.administrators, "readers": self.lake.readers}.items():
            for index, each in enumerate(principals):
                if each.split(":")[4] != self.account:
                    raise ValueError(
                        f"lake.{key}.{index} is {each}, which is not of the account: name one of {self.account}"
                    )
                if each in principals[:index]:
                    raise ValueError(f"lake.{key}.{index} is {each}, as one before it: remove it")
        return self

    @model_validator(mode="after")
    def _lake_is_where_its_workloads_are(self) -> Self:
        if self.lake is not None and not self.deploys_services:
            raise ValueError(
                f"lake is given, and services_stack is {self.services_stack!r}, whose workloads would not get into it: "
                "remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _addresses_are_of_its_kind(self) -> Self:
        lists = {
            "service_ranges": self.service_ranges,
            "cluster.public_ranges": self.cluster.public_ranges,
            "reached.ranges": self.reached.ranges,
        }
        for key, ranges in lists.items():
            if strange := [each for each in ranges if ip_network(each).version != 4]:
                raise ValueError(f"{key} holds {strange[0]}: network and cluster are of IPv4: name ranges of that")
        return self

    @property
    def brings_nodes(self) -> bool:
        """Whether there are pools whose nodes come when pods need them."""
        return any(pool.purpose != "system" for pool in self.nodes.pools.values())

    @property
    def images(self) -> Sequence[Image]:
        # By that of the database a Job gives each service its own there.
        own = DATABASE.images if self.deploys_services else ()
        return (*own, NODES_IMAGE) if self.brings_nodes else own

    @property
    def namespaces(self) -> Sequence[str]:
        own = (DATABASE.name,) if self.deploys_services else ()
        return (*own, NODES) if self.brings_nodes else own

    @property
    def teams(self) -> Mapping[str, TeamSettings]:
        return self.nodes.teams

    @property
    def deploys_services(self) -> bool:
        return self.services_stack is None

    @property
    def zone_names(self) -> list[str]:
        letters = ZONES.get(self.region, "abc")[: self.network.zones]
        return self.availability_zones or [f"{self.region}{letter}" for letter in letters]

    @property
    def aws_account(self) -> AwsAccount:
        return AwsAccount(partition=PARTITION, id=self.account, region=self.region)

    def tags(self, labels: Labels) -> dict[str, str]:
        """Return those of everything that takes tags, beside its name."""
        return platform_tags(labels, cost_centre=self.cost_centre, expiry=self.expiry)

    def local_ports(self) -> Mapping[str, int]:
        return {"gateway": FORWARDED} if self.reached.by == "none" else {}

    def entry(self, local_port: int | None) -> Entry:  # noqa: ARG002  nothing is published here
        return self.reached.entry({})

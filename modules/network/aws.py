"""The network on AWS: a VPC, its subnets, ways in and out, endpoints, and records of its connections."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ec2 import (
    DefaultSecurityGroup,
    Eip,
    FlowLog,
    InternetGateway,
    NatGateway,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from pulumi_aws.iam import Role, RolePolicy
from pulumi_aws.kms import Alias, Key
from pulumi_aws.vpc import SecurityGroupIngressRule

from modules.core.aws import AwsAccount, log_key, service_trust
from modules.core.component import Component, after
from modules.core.labels import Labels
from modules.core.protection import Safeguards

from . import documents
from .plan import KINDS, Kind, nat_zones, plan
from .settings import GATEWAY_ENDPOINT, NetworkSettings

EVERYWHERE = "0.0.0.0/0"
HTTPS = 443
AGGREGATION = 600
"""Seconds that one record of connections is about: the longest, which is the fewest records."""


class Network(Component):
    """`cluster`: name of the cluster, by which load balancers and Karpenter find the subnets. `zones`: names of the
    availability zones, as many as the settings say. `tags`: of everything that takes tags, beside its name."""

    vpc_id: pulumi.Output[str]
    subnet_ids: Mapping[Kind, Sequence[pulumi.Output[str]]]
    """By kind, in the order of the zones; known once their ways in and out are there."""

    def __init__(
        self,
        name: str,
        *,
        settings: NetworkSettings,
        account: AwsAccount,
        cluster: str,
        zones: Sequence[str],
        safeguards: Safeguards,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.settings, self.account, self.cluster, self.tags = settings, account, cluster, tags
        self.safeguards = safeguards
        self.vpc = Vpc(
            f"{name}-vpc",
            cidr_block=settings.range,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags("vpc"),
            opts=self.child(),
        )
        self.vpc_id = self.vpc.id
        # AWS makes it, and everything without a group of its own would be in it: nothing passes.
        DefaultSecurityGroup(
            f"{name}-default-group",
            vpc_id=self.vpc_id,
            ingress=[],
            egress=[],
            tags=self._tags("default"),
            opts=self.child(),
        )
        subnets = self._subnets(zones)
        tables = self._tables(subnets["public"])
        associated: dict[Kind, list[pulumi.Output[str]]] = {
            kind: [self._associated(f"{kind}-{zone}", subnet, tables[kind][zone]) for zone, subnet in enumerate(each)]
            for kind, each in subnets.items()
        }
        endpoints = self._endpoints([*tables["private"], tables["intra"][0]], associated["intra"])
        # What runs in private subnets gives back its load balancers and volumes by these: they go last.
        ways = (*associated["public"], *endpoints)
        self.subnet_ids = {**associated, "private": [after(each, *ways) for each in associated["private"]]}
        self._flow_logs()
        self.register_outputs({"vpc_id": self.vpc_id})

    def _tags(self, role: str, **others: str) -> dict[str, str]:
        return {**self.tags, **others, "Name": f"{self.cluster}-{role}"}

    def _subnets(self, zones: Sequence[str]) -> dict[Kind, list[Subnet]]:
        discovery: Mapping[Kind, dict[str, str]] = {
            "public": {"kubernetes.io/role/elb": "1"},
            "private": {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": self.cluster},
            "intra": {},
        }
        made: dict[Kind, list[Subnet]] = {kind: [] for kind in KINDS}
        for each in plan(self.settings.range, self.settings.zones):
            subnet = Subnet(
                f"{self.name}-{each.name}",
                vpc_id=self.vpc_id,
                cidr_block=each.range,
                availability_zone=zones[each.zone],
                # A load balancer's addresses are its own: nothing else there is reached from the internet.
                map_public_ip_on_launch=False,
                tags=self._tags(each.name, **discovery[each.kind]),
                opts=self.child(),
            )
            made[each.kind].append(subnet)
        return made

    def _tables(self, public: Sequence[Subnet]) -> dict[Kind, list[pulumi.Output[str]]]:
        """Return the id of the route table of each zone's subnet, known once its way out is there: public and intra
        subnets share one."""
        zones = self.settings.zones
        gateway = InternetGateway(
            f"{self.name}-internet", vpc_id=self.vpc_id, tags=self._tags("internet"), opts=self.child()
        )
        outside = self._table("public")
        way_out = Route(
            f"{self.name}-public-out",
            route_table_id=outside.id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=gateway.id,
            opts=self.child(),
        )
        ways = nat_zones(self.settings.nat, zones)
        nats = {
            zone: self._nat(zone, public[zone], gateway) for zone in sorted({each for each in ways if each is not None})
        }
        return {
            "public": [after(outside.id, way_out.id)] * zones,
            "private": [self._private_table(zone, None if way is None else nats[way]) for zone, way in enumerate(ways)],
            "intra": [self._table("intra").id] * zones,
        }

    def _private_table(self, zone: int, nat: NatGateway | None) -> pulumi.Output[str]:
        table = self._table(f"private-{zone}")
        if nat is None:
            return table.id
        way_out = Route(
            f"{self.name}-private-{zone}-out",
            route_table_id=table.id,
            destination_cidr_block=EVERYWHERE,
            nat_gateway_id=nat.id,
            opts=self.child(),
        )
        return after(table.id, way_out.id)

    def _table(self, role: str) -> RouteTable:
        return RouteTable(f"{self.name}-{role}-routes", vpc_id=self.vpc_id, tags=self._tags(role), opts=self.child())

    def _nat(self, zone: int, subnet: Subnet, gateway: InternetGateway) -> NatGateway:
        address = Eip(f"{self.name}-nat-{zone}", domain="vpc", tags=self._tags(f"nat-{zone}"), opts=self.child())
        return NatGateway(
            f"{self.name}-nat-{zone}",
            allocation_id=address.allocation_id,
            subnet_id=after(subnet.id, gateway.id),  # without a way to the internet AWS refuses it
            tags=self._tags(f"nat-{zone}"),
            opts=self.child(),
        )

    def _associated(self, role: str, subnet: Subnet, table: pulumi.Output[str]) -> pulumi.Output[str]:
        made = RouteTableAssociation(
            f"{self.name}-{role}", subnet_id=subnet.id, route_table_id=table, opts=self.child()
        )
        return after(subnet.id, made.id)

    def _endpoints(
        self, tables: Sequence[pulumi.Output[str]], subnets: Sequence[pulumi.Output[str]]
    ) -> list[pulumi.Output[str]]:
        """Create the endpoints. Return their ids. tables: of the route to S3; subnets: of the addresses of others."""
        to_store = VpcEndpoint(
            f"{self.name}-{GATEWAY_ENDPOINT}",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self.account.region}.{GATEWAY_ENDPOINT}",
            vpc_endpoint_type="Gateway",
            policy=documents.store_route(self.account),
            route_table_ids=tables,
            tags=self._tags(GATEWAY_ENDPOINT),
            opts=self.child(),
        )
        if not self.settings.endpoints:
            return [to_store.id]
        group = self._endpoint_group()
        return [to_store.id, *(self._interface(service, group, subnets) for service in self.settings.endpoints)]

    def _endpoint_group(self) -> pulumi.Output[str]:
        """Return the id of the security group of endpoints, known once it lets in what is in the network."""
        group = SecurityGroup(
            f"{self.name}-endpoints",
            name=f"{self.cluster}-endpoints",
            description="Services of AWS, for what is in the network",
            vpc_id=self.vpc_id,
            tags=self._tags("endpoints"),
            opts=self.child(),
        )
        rule = SecurityGroupIngressRule(
            f"{self.name}-endpoints-https",
            security_group_id=group.id,
            cidr_ipv4=self.settings.range,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            tags=self._tags("endpoints-https"),
            opts=self.child(),
        )
        return after(group.id, rule.id)

    def _interface(
        self, service: str, group: pulumi.Output[str], subnets: Sequence[pulumi.Output[str]]
    ) -> pulumi.Output[str]:
        return VpcEndpoint(
            f"{self.name}-{service}",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self.account.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            policy=documents.endpoint(self.account, service),
            subnet_ids=subnets,
            security_group_ids=[group],
            tags=self._tags(service),
            opts=self.child(),
        ).id

    def _flow_logs(self) -> None:
        key = Key(
            f"{self.name}-flow-logs",
            description=f"Records of connections of {self.cluster}",
            enable_key_rotation=True,
            deletion_window_in_days=self.safeguards.key_days,
            policy=log_key(self.account, documents.log_group(self.cluster)),
            tags=self._tags("flow-logs"),
            opts=self.child(),
        )
        Alias(
            f"{self.name}-flow-logs",
            name=f"alias/{self.cluster}-flow-logs",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        group = LogGroup(
            f"{self.name}-flow-logs",
            name=documents.log_group(self.cluster),
            retention_in_days=self.settings.flow_log_days,
            kms_key_id=key.arn,
            tags=self._tags("flow-logs"),
            opts=self.child(),
        )
        role = Role(
            f"{self.name}-flow-logs",
            name=f"{self.cluster}-flow-logs",
            assume_role_policy=service_trust("vpc-flow-logs", self.account),
            tags=self._tags("flow-logs"),
            opts=self.child(),
        )
        rights = RolePolicy(
            f"{self.name}-flow-logs",
            name="write",
            role=role.name,
            policy=documents.writer(self.account, self.cluster),
            opts=self.child(),
        )
        FlowLog(
            f"{self.name}-flow-logs",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=after(role.arn, rights.id),
            max_aggregation_interval=AGGREGATION,
            tags=self._tags("flow-logs"),
            opts=self.child(),
        )

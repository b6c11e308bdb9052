"""Elastic Load Balancing: what clusters make there, with the interfaces by which a network can't be deleted."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_private_ip
from moto.elbv2.models import elbv2_backends

from embedded.aws.load_balancers import Requested

ROLES = {True: "kubernetes.io/role/internal-elb", False: "kubernetes.io/role/elb"}
"""Tag of the subnets for load balancers, by whether these are internal."""


class Balancers:
    """Those of one cluster."""

    def __init__(self, backend: Any, cluster: Any) -> None:
        self.cluster = cluster
        self.elb: Any = elbv2_backends[backend.account_id][backend.region_name]
        self.ec2: Any = ec2_backends[backend.account_id][backend.region_name]

    def create(self, requested: Requested) -> str:
        if found := self._named(requested.name):
            return found.dns_name
        subnets = self._subnets(internal=requested.internal)
        made = self.elb.create_load_balancer(
            requested.name,
            [],
            subnets,
            scheme="internal" if requested.internal else "internet-facing",
            loadbalancer_type="network",
            tags=[{"Key": key, "Value": value} for key, value in requested.tags.items()],
        )
        for subnet in subnets:
            self.ec2.create_network_interface(subnet, random_private_ip(), description=_described(made))
        return made.dns_name

    def delete(self, name: str) -> None:
        if found := self._named(name):
            mine = [each.id for each in self.ec2.enis.values() if each.description == _described(found)]
            for interface in mine:
                self.ec2.enis.pop(interface)
            self.elb.delete_load_balancer(found.arn)

    def _named(self, name: str) -> Any:
        return next((each for each in self.elb.load_balancers.values() if each.name == name), None)

    def _subnets(self, *, internal: bool) -> list[str]:
        """Those of the VPC that are for such load balancers; where none is, the cluster's own."""
        network = self.cluster.resources_vpc_config
        marked = {"vpc-id": [network["vpcId"]], "tag-key": [ROLES[internal]]}
        return [subnet.id for subnet in self.ec2.describe_subnets(filters=marked)] or list(network["subnetIds"])


def _described(balancer: Any) -> str:
    """As Elastic Load Balancing describes its interfaces."""
    return f"ELB {balancer.arn.partition('loadbalancer/')[2]}"

"""What EC2 refuses, and moto takes: things in use, and things that a request names and the account lacks."""

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend

MOST_PORT = 65535


def load() -> None:
    for name, rule in RULES.items():
        setattr(EC2Backend, name, ruled(getattr(EC2Backend, name), rule))


def ruled(plain: Any, rule: Any) -> Any:
    """Return an operation of a backend that asks a rule first, which raises what AWS answers."""

    def held(self: Any, *arguments: Any, **named: Any) -> Any:
        rule(self, *arguments, **named)
        return plain(self, *arguments, **named)

    return held


def delete_subnet(backend: Any, subnet_id: str) -> None:
    inside = [interface.id for interface in backend.enis.values() if interface.subnet.id == subnet_id]
    if inside:
        users = ", ".join(sorted(inside))
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted: {users}")


def release_address(backend: Any, address: str | None = None, allocation_id: str | None = None) -> None:
    for found in backend.addresses:
        if found.allocation_id == allocation_id and (found.eni or found.instance):
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {found.public_ip} is in use.")
    del address


def create_subnet(
    backend: Any,
    vpc_id: str,
    cidr_block: str,
    ipv6_cidr_block: str | None = None,
    availability_zone: str | None = None,
    *_: Any,
    **__: Any,
) -> None:
    del vpc_id, cidr_block, ipv6_cidr_block
    names = sorted(zone.name for zone in backend.describe_availability_zones())
    if availability_zone and availability_zone not in names:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({availability_zone}) for parameter availabilityZone is invalid. Subnets can currently only be "
            f"created in the following availability zones: {', '.join(names)}.",
        )


def create_route(backend: Any, *_: Any, nat_gateway_id: str | None = None, **__: Any) -> None:
    gateway = backend.nat_gateways.get(nat_gateway_id)
    if nat_gateway_id and (gateway is None or gateway.state == "deleted"):
        raise EC2ClientError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_gateway_id}' does not exist")


def create_vpc_endpoint(backend: Any, vpc_id: str, service_name: str, *_: Any, **given: Any) -> None:
    for group in given.get("security_group_ids") or ():
        if backend.get_security_group_from_id(group) is None:
            raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    for name in given.get("subnet_ids") or ():
        if backend.get_subnet(name).vpc_id != vpc_id:
            raise EC2ClientError("InvalidParameter", f"The subnet {name} does not belong to VPC {vpc_id}")
    own = service_name.startswith("com.amazonaws.vpce.")
    known = {
        service["ServiceName"]
        for service in backend._collect_default_endpoint_services(backend.account_id, backend.region_name)
    }
    if not own and service_name not in known:
        raise EC2ClientError("InvalidServiceName", f"The Vpc Endpoint Service '{service_name}' does not exist")


def delete_vpc(backend: Any, vpc_id: str) -> None:
    """moto itself asks for subnets, route tables and VPN gateways alone."""
    attached = [each.id for each in backend.internet_gateways.values() if each.vpc and each.vpc.id == vpc_id]
    groups = [each.id for each in backend.groups.get(vpc_id, {}).values() if each.name != "default"]
    inside = [each.id for each in backend.enis.values() if each.subnet.vpc_id == vpc_id]
    if users := ", ".join(sorted([*attached, *groups, *inside])):
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted: {users}")


def _authorize(backend: Any, *_: Any, ip_protocol: str, **given: Any) -> None:
    """The ports of a rule; of ICMP they are no ports."""
    del backend
    for port in (given.get("from_port"), given.get("to_port")):
        if ip_protocol in {"tcp", "udp", "6", "17"} and port is not None and not 0 <= int(port) <= MOST_PORT:
            raise EC2ClientError("InvalidParameterValue", f"Invalid value '{port}' for port. Must be 0 to {MOST_PORT}.")


RULES = {
    **{
        function.__name__: function
        for function in (create_subnet, delete_subnet, delete_vpc, release_address, create_route, create_vpc_endpoint)
    },
    "authorize_security_group_ingress": _authorize,
    "authorize_security_group_egress": _authorize,
}

"""What EC2 refuses, and moto takes: things in use, and things that a request names and the account lacks."""

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend


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


def create_route(backend: Any, *_: Any, nat_gateway_id: str | None = None, **__: Any) -> None:
    gateway = backend.nat_gateways.get(nat_gateway_id)
    if nat_gateway_id and (gateway is None or gateway.state == "deleted"):
        raise EC2ClientError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_gateway_id}' does not exist")


def create_vpc_endpoint(backend: Any, vpc_id: str, service_name: str, *_: Any, **__: Any) -> None:
    del vpc_id
    own = service_name.startswith("com.amazonaws.vpce.")
    known = {
        service["ServiceName"]
        for service in backend._collect_default_endpoint_services(backend.account_id, backend.region_name)
    }
    if not own and service_name not in known:
        raise EC2ClientError("InvalidServiceName", f"The Vpc Endpoint Service '{service_name}' does not exist")


RULES = {
    function.__name__: function for function in (delete_subnet, release_address, create_route, create_vpc_endpoint)
}

"""EC2: an endpoint that is given another route table or subnet has its route or interface there; with a NAT gateway
goes its interface, and its address is free again; with an instance go the interfaces that were made with it."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance
from moto.ec2.responses import EC2Response
from moto.ec2.utils import random_private_ip

GATEWAY = "Gateway"
"""The kind of an endpoint that names none."""


def load() -> None:
    _extend_endpoints()
    _extend_nat_gateways()
    _extend_instances()


def _extend_endpoints() -> None:
    plain, create = EC2Backend.modify_vpc_endpoint, EC2Backend.create_vpc_endpoint

    def create_vpc_endpoint(
        self: Any, vpc_id: str, service_name: str, endpoint_type: str | None, *arguments: Any, **named: Any
    ) -> Any:
        return create(self, vpc_id, service_name, endpoint_type or GATEWAY, *arguments, **named)

    def modify_vpc_endpoint(self: Any, vpc_id: str, *arguments: Any, **named: Any) -> None:
        """vpc_id: the endpoint's, by moto's own name."""
        (endpoint,) = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])
        tables, subnets = set[str](endpoint.route_table_ids or ()), set[str](endpoint.subnet_ids or ())
        plain(self, vpc_id, *arguments, **named)
        _move_routes(self, endpoint, tables)
        if endpoint.vpc_endpoint_type.lower() == "interface":
            _move_interfaces(self, endpoint, subnets)

    EC2Backend.create_vpc_endpoint = create_vpc_endpoint
    EC2Backend.modify_vpc_endpoint = modify_vpc_endpoint


def _move_routes(backend: Any, endpoint: Any, before: set[str]) -> None:
    after, destination = set[str](endpoint.route_table_ids or ()), endpoint.destination_prefix_list_id
    if not destination:
        return
    for table in after - before:
        backend.create_route(table, None, destination_prefix_list_id=destination, gateway_id=endpoint.id)
    for table in before - after:
        backend.delete_route(table, destination)


def _move_interfaces(backend: Any, endpoint: Any, before: set[str]) -> None:
    after = set[str](endpoint.subnet_ids or ())
    for name in list(endpoint.network_interface_ids):
        if backend.enis[name].subnet.id in before - after:
            backend.enis.pop(name)
            endpoint.network_interface_ids.remove(name)
    for subnet in sorted(after - before):
        endpoint.network_interface_ids.append(backend.create_network_interface(subnet, random_private_ip()).id)


def _extend_nat_gateways() -> None:
    plain = EC2Backend.delete_nat_gateway

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        if nat_gateway_id not in self.nat_gateways:
            raise EC2ClientError("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
        gateway = plain(self, nat_gateway_id)
        interface: Any = vars(gateway)["_eni"]
        for address in self.addresses:
            if address.eni and address.eni.id == interface.id:
                address.eni = address.association_id = None
        self.enis.pop(interface.id, None)
        return gateway

    EC2Backend.delete_nat_gateway = delete_nat_gateway


def _extend_instances() -> None:
    plain = Instance.prep_nics

    def prep_nics(self: Any, nic_spec: list[dict[str, Any]], *arguments: Any, **named: Any) -> None:
        """DeleteOnTermination: true unless a request says otherwise, by RunInstances in the EC2 API reference."""
        wanted = nic_spec or [{"DeviceIndex": 0}]
        for each in wanted:
            if not each.get("NetworkInterfaceId"):
                each.setdefault("DeleteOnTermination", True)
        plain(self, wanted, *arguments, **named)

    Instance.prep_nics = prep_nics
    for call, state in (("monitor_instances", "enabled"), ("unmonitor_instances", "disabled")):
        setattr(EC2Response, call, _monitor(state))


def _monitor(state: str) -> Callable[[Any], ActionResult]:
    def answer(self: Any) -> ActionResult:
        instances = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
        for each in instances:
            each.monitoring_state = state
        monitored = [{"InstanceId": each.id, "Monitoring": {"State": state}} for each in instances]
        return ActionResult({"InstanceMonitorings": monitored})

    return answer

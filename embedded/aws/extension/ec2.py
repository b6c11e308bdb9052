"""EC2: a gateway endpoint that is given another route table has its route there; with a NAT gateway goes its interface,
and its address is free again."""

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend


def load() -> None:
    plain = EC2Backend.modify_vpc_endpoint

    def modify_vpc_endpoint(self: Any, vpc_id: str, *arguments: Any, **named: Any) -> None:
        """vpc_id: the endpoint's, by moto's own name."""
        (endpoint,) = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])
        before = set(endpoint.route_table_ids or ())
        plain(self, vpc_id, *arguments, **named)
        after = set(endpoint.route_table_ids or ())
        destination = endpoint.destination_prefix_list_id
        for table in after - before:
            self.create_route(table, None, destination_prefix_list_id=destination, gateway_id=endpoint.id)
        for table in before - after:
            self.delete_route(table, destination)

    EC2Backend.modify_vpc_endpoint = modify_vpc_endpoint
    _extend_nat_gateways()


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

"""What the emulated account refuses as AWS does, asked by plain boto3."""

from collections.abc import Iterator
from typing import Any

import pytest

from .search import Aws


def refusal(call: Any, **parameters: Any) -> str:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value)


@pytest.fixture
def vpc(aws: Aws) -> Iterator[tuple[str, str]]:
    """A VPC with a subnet, which go at the end."""
    ec2 = aws("ec2")
    made: str = ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    subnet: str = ec2.create_subnet(VpcId=made, CidrBlock="10.90.0.0/24")["Subnet"]["SubnetId"]
    yield made, subnet
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=made)


def test_what_is_in_use_stays(aws: Aws, vpc: tuple[str, str]) -> None:
    ec2 = aws("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=vpc[1], AllocationId=address)["NatGateway"]["NatGatewayId"]
    assert "DependencyViolation" in refusal(ec2.delete_subnet, SubnetId=vpc[1])
    assert "InvalidIPAddress.InUse" in refusal(ec2.release_address, AllocationId=address)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)


def test_what_is_not_there_is_missed(aws: Aws, vpc: tuple[str, str]) -> None:
    ec2 = aws("ec2")
    tables: Any = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc[0]]}])["RouteTables"]
    route = {"RouteTableId": tables[0]["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    assert "InvalidNatGatewayID.NotFound" in refusal(ec2.create_route, **route, NatGatewayId="nat-0123456789abcdef0")
    service = "com.amazonaws.us-east-1.nonsense"
    assert "InvalidServiceName" in refusal(ec2.create_vpc_endpoint, VpcId=vpc[0], ServiceName=service)


def test_a_gateway_endpoint_that_is_given_another_table_has_its_route_there(aws: Aws, vpc: tuple[str, str]) -> None:
    ec2 = aws("ec2")
    (main,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc[0]]}])["RouteTables"]
    other: str = ec2.create_route_table(VpcId=vpc[0])["RouteTable"]["RouteTableId"]
    first: str = main["RouteTableId"]
    asked = {"VpcId": vpc[0], "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": [first]}
    endpoint: str = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]

    def led_to_it() -> set[str]:
        tables: Any = ec2.describe_route_tables(RouteTableIds=[first, other])["RouteTables"]
        return {
            table["RouteTableId"]
            for table in tables
            for route in table["Routes"]
            if route.get("GatewayId") == endpoint and route.get("DestinationPrefixListId")
        }

    assert led_to_it() == {first}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[other])
    assert led_to_it() == {first, other}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[first])
    assert led_to_it() == {other}
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert led_to_it() == set()
    ec2.delete_route_table(RouteTableId=other)


def test_a_subnet_that_an_endpoint_leaves_can_go(aws: Aws, vpc: tuple[str, str]) -> None:
    ec2 = aws("ec2")
    other: str = ec2.create_subnet(VpcId=vpc[0], CidrBlock="10.90.1.0/24")["Subnet"]["SubnetId"]
    service = {"VpcId": vpc[0], "ServiceName": "com.amazonaws.us-east-1.ecr.api", "VpcEndpointType": "Interface"}
    made: Any = ec2.create_vpc_endpoint(**service, SubnetIds=[vpc[1]])["VpcEndpoint"]
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], AddSubnetIds=[other])
    assert "DependencyViolation" in refusal(ec2.delete_subnet, SubnetId=other)
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], RemoveSubnetIds=[other])
    ec2.delete_subnet(SubnetId=other)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])


DATABASE: dict[str, Any] = {
    "DBInstanceIdentifier": "wrong",
    "DBInstanceClass": "db.t4g.medium",
    "Engine": "postgres",
    "AllocatedStorage": 20,
    "MasterUsername": "somebody",
    "ManageMasterUserPassword": True,
}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"DBInstanceClass": "db.nope"}, "Invalid DB Instance class: db.nope"),
        ({"AllocatedStorage": 1}, "at least 20 GiB"),
        ({"MasterUserPassword": "a-password"}, "ManageMasterUserPassword"),
    ],
)
def test_a_wrong_database_is_refused(aws: Aws, wrong: dict[str, Any], reason: str) -> None:
    assert reason in refusal(aws("rds").create_db_instance, **{**DATABASE, **wrong})


def test_a_wrong_node_group_is_refused(aws: Aws) -> None:
    iam, ec2, eks = aws("iam"), aws("ec2"), aws("eks")
    role = iam.create_role(RoleName="eks-rules", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    zones: Any = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"] if subnet["DefaultForAz"]]
    one = {"name": "rules", "roleArn": role, "resourcesVpcConfig": {"subnetIds": zones[:1]}}
    assert "at least two different AZs" in refusal(eks.create_cluster, **one)
    eks.create_cluster(**{**one, "resourcesVpcConfig": {"subnetIds": zones[:2]}})
    group = {"clusterName": "rules", "nodegroupName": "g", "nodeRole": role, "subnets": zones[:2]}
    assert "[g5.nonsense] is not a valid" in refusal(eks.create_nodegroup, **group, instanceTypes=["g5.nonsense"])
    scaling = {"minSize": 3, "desiredSize": 1, "maxSize": 2}
    assert "must not decrease" in refusal(eks.create_nodegroup, **group, scalingConfig=scaling)
    eks.delete_cluster(name="rules")
    iam.delete_role(RoleName="eks-rules")

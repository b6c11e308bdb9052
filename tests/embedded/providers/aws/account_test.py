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
        ({"EngineVersion": "99.1"}, "Cannot find version 99.1 for postgres"),
        ({"Engine": "mysql", "EngineVersion": "17"}, "Cannot find version 17 for mysql"),
        ({"MasterUserPassword": "a-password"}, "ManageMasterUserPassword"),
    ],
)
def test_a_wrong_database_is_refused(aws: Aws, wrong: dict[str, Any], reason: str) -> None:
    assert reason in refusal(aws("rds").create_db_instance, **{**DATABASE, **wrong})


def test_a_database_is_raised_to_no_version_that_there_is_not(aws: Aws) -> None:
    rds = aws("rds")
    rds.create_db_instance(**{**DATABASE, "DBInstanceIdentifier": "versions", "EngineVersion": "17"})
    raised = {"DBInstanceIdentifier": "versions", "EngineVersion": "17.99", "AllowMajorVersionUpgrade": True}
    assert "Cannot find version 17.99 for postgres" in refusal(rds.modify_db_instance, **raised)
    rds.delete_db_instance(DBInstanceIdentifier="versions", SkipFinalSnapshot=True)


def test_a_wrong_node_group_is_refused(aws: Aws) -> None:
    iam, ec2, eks = aws("iam"), aws("ec2"), aws("eks")
    role = iam.create_role(RoleName="eks-rules", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    zones: Any = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"] if subnet["DefaultForAz"]]
    one = {"name": "rules", "roleArn": role, "resourcesVpcConfig": {"subnetIds": zones[:1]}}
    assert "at least two different AZs" in refusal(eks.create_cluster, **one)
    two = {**one, "resourcesVpcConfig": {"subnetIds": zones[:2]}}
    assert "unsupported Kubernetes version 1.99" in refusal(eks.create_cluster, **two, version="1.99")
    eks.create_cluster(**two, version="1.34")
    assert "unsupported" in refusal(eks.update_cluster_version, name="rules", version="1.99")
    group = {"clusterName": "rules", "nodegroupName": "g", "nodeRole": role, "subnets": zones[:2]}
    assert "[g5.nonsense] is not a valid" in refusal(eks.create_nodegroup, **group, instanceTypes=["g5.nonsense"])
    assert "newer than the cluster's, 1.34" in refusal(eks.create_nodegroup, **group, version="1.35")
    scaling = {"minSize": 3, "desiredSize": 1, "maxSize": 2}
    assert "must not decrease" in refusal(eks.create_nodegroup, **group, scalingConfig=scaling)
    eks.delete_cluster(name="rules")
    iam.delete_role(RoleName="eks-rules")


def test_machine_images_of_eks_are_found_by_parameters_as_aws_publishes_them(aws: Aws) -> None:
    folder = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/standard"
    name = "amazon-eks-node-al2023-arm64-standard-1.34-v20251103"

    def parameter(name: str) -> str:
        return aws("ssm").get_parameter(Name=f"{folder}/{name}/image_id")["Parameter"]["Value"]

    image = parameter("recommended")
    assert image == parameter(name)
    (found,) = aws("ec2").describe_images(ImageIds=[image])["Images"]
    assert (found["Name"], found["Architecture"]) == (name, "arm64")
    assert "ParameterNotFound" in refusal(aws("ssm").get_parameter, Name=f"{folder}/nonsense/image_id")
    assert not aws("ec2").describe_images(Owners=["self"])["Images"]

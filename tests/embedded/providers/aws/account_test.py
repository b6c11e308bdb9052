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

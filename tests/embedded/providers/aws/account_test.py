"""What the emulated account refuses as AWS does, asked by plain boto3."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .search import Aws


def refusal(call: Any, **parameters: Any) -> str:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value)


def trust(*services: str) -> str:
    """The trust policy of a role that these services assume."""
    principal = {"Service": [f"{each}.amazonaws.com" for each in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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


def test_a_network_goes_only_when_nothing_is_attached_to_it_or_in_it(aws: Aws) -> None:
    ec2 = aws("ec2")
    network: str = ec2.create_vpc(CidrBlock="10.91.0.0/16")["Vpc"]["VpcId"]
    gateway: str = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    attached = {"InternetGatewayId": gateway, "VpcId": network}
    ec2.attach_internet_gateway(**attached)
    group: str = ec2.create_security_group(GroupName="inside", Description="inside", VpcId=network)["GroupId"]
    for user, leave in (
        (gateway, lambda: ec2.detach_internet_gateway(**attached)),
        (group, lambda: ec2.delete_security_group(GroupId=group)),
    ):
        refused = refusal(ec2.delete_vpc, VpcId=network)
        assert "DependencyViolation" in refused
        assert user in refused
        leave()
    ec2.delete_vpc(VpcId=network)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_what_does_not_belong_together_is_refused(aws: Aws, vpc: tuple[str, str]) -> None:
    ec2 = aws("ec2")
    zone = {"VpcId": vpc[0], "CidrBlock": "10.90.9.0/24", "AvailabilityZone": "eu-west-1a"}
    assert "Value (eu-west-1a) for parameter availabilityZone is invalid" in refusal(ec2.create_subnet, **zone)
    endpoint = {"VpcId": vpc[0], "ServiceName": "com.amazonaws.us-east-1.sts", "VpcEndpointType": "Interface"}
    assert "InvalidGroup.NotFound" in refusal(ec2.create_vpc_endpoint, **endpoint, SecurityGroupIds=["sg-01234567"])
    other = next(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"] if each["DefaultForAz"])
    assert f"{other} does not belong to VPC {vpc[0]}" in refusal(ec2.create_vpc_endpoint, **endpoint, SubnetIds=[other])
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc[0]]}])["SecurityGroups"]
    rule = [{"IpProtocol": "tcp", "FromPort": 70000, "ToPort": 70000, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    authorize = ec2.authorize_security_group_ingress
    assert "Must be 0 to 65535" in refusal(authorize, GroupId=group["GroupId"], IpPermissions=rule)
    groups = {"DBSubnetGroupDescription": "one zone", "SubnetIds": [vpc[1]]}
    uncovered = refusal(aws("rds").create_db_subnet_group, DBSubnetGroupName="one", **groups)
    assert "DBSubnetGroupDoesNotCoverEnoughAZs" in uncovered
    assert "Add subnets to cover at least 2 AZs" in uncovered


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "invalid Json"),
        (trust("nonsense"), 'Invalid principal in policy: "SERVICE":"nonsense.amazonaws.com"'),
        (trust("ec2").replace('"Service"', '"AWS"'), 'Invalid principal in policy: "AWS":"ec2.amazonaws.com"'),
        (trust("ec2").replace('"Allow"', '"Maybe"'), "Syntax errors in policy"),
        (trust("ec2").replace('"Principal"', '"Resource"'), "Missing required field Principal"),
    ],
)
def test_a_role_trusts_only_whom_there_can_be(aws: Aws, document: str, reason: str) -> None:
    assert reason in refusal(aws("iam").create_role, RoleName="wrong", AssumeRolePolicyDocument=document)


@pytest.mark.parametrize(
    "service", ["lambda", "states.us-east-1", "monitoring.rds", "pods.eks", "vpc-flow-logs", "ecs-tasks", "edgelambda"]
)
def test_a_role_trusts_any_service_of_aws(aws: Aws, service: str) -> None:
    aws("iam").create_role(RoleName="right", AssumeRolePolicyDocument=trust(service))
    aws("iam").delete_role(RoleName="right")


def test_the_lake_takes_no_role_that_it_can_not_assume(aws: Aws) -> None:
    iam = aws("iam")
    other = iam.create_role(RoleName="others", AssumeRolePolicyDocument=trust("ec2"))["Role"]["Arn"]
    crawler = {"Name": "wrong", "Targets": {"S3Targets": [{"Path": "s3://nowhere/"}]}}
    location = {"ResourceArn": "arn:aws:s3:::nowhere"}
    for role, reason in ((NOBODY, "could not be found"), (other, "does not trust")):
        assert reason in refusal(aws("glue").create_crawler, **crawler, Role=role)
        assert reason in refusal(aws("lakeformation").register_resource, **location, RoleArn=role)
    iam.delete_role(RoleName="others")


def test_a_bucket_that_is_closed_takes_no_public_policy(aws: Aws) -> None:
    s3, bucket = aws("s3"), {"Bucket": "closed-to-everyone"}
    s3.create_bucket(**bucket)
    anyone = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::closed-to-everyone/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    assert "BlockPublicPolicy" in refusal(s3.put_bucket_policy, **bucket, Policy=policy)
    s3.put_bucket_policy(**bucket, Policy=policy.replace('"Allow"', '"Deny"'))
    s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False})
    s3.put_bucket_policy(**bucket, Policy=policy)
    s3.delete_bucket(**bucket)


NOBODY = "arn:aws:iam::123456789012:role/nobody"
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
        ({"BackupRetentionPeriod": 99}, "99; 0 to 35 allowed"),
        ({"Port": 70000}, "70000; 1150 to 65535 allowed"),
        ({"VpcSecurityGroupIds": ["sg-01234567"]}, "Invalid security group , groupId= sg-01234567"),
        ({"StorageEncrypted": True, "KmsKeyId": "nowhere"}, "KMS key [nowhere] does not exist"),
        ({"MonitoringInterval": 60, "MonitoringRoleArn": NOBODY}, f"{NOBODY} could not be found"),
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


def test_a_major_version_of_an_engine_leaves_the_minor_one_to_rds(aws: Aws) -> None:
    rds, two = aws("rds"), {"DBInstanceIdentifier": "major", "Engine": "mysql"}
    assert "Cannot find version 5.71 for mysql" in refusal(
        rds.create_db_instance, **{**DATABASE, **two, "EngineVersion": "5.71"}
    )
    rds.create_db_instance(**{**DATABASE, **two, "EngineVersion": "5.7"})
    rds.delete_db_instance(DBInstanceIdentifier="major", SkipFinalSnapshot=True)


def test_a_wrong_node_group_is_refused(aws: Aws) -> None:
    iam, ec2, eks = aws("iam"), aws("ec2"), aws("eks")
    role = iam.create_role(RoleName="eks-rules", AssumeRolePolicyDocument=trust("eks", "ec2"))["Role"]["Arn"]
    defaults: Any = [subnet for subnet in ec2.describe_subnets()["Subnets"] if subnet["DefaultForAz"]]
    zone_of: dict[str, str] = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in defaults}
    zones = list(zone_of.values())
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
    arm = {"amiType": "AL2023_ARM_64_STANDARD", "instanceTypes": ["m7i.large"]}
    assert "valid instance type for requested amiType AL2023_ARM_64" in refusal(eks.create_nodegroup, **group, **arm)
    elsewhere = {**group, "subnets": [zone_of["us-east-1e"]], "instanceTypes": ["c5.large"]}
    assert "offered in us-east-1a, " in refusal(eks.create_nodegroup, **elsewhere)
    iam.update_assume_role_policy(RoleName="eks-rules", PolicyDocument=trust("eks"))
    assert "does not trust ec2.amazonaws.com" in refusal(eks.create_nodegroup, **group)
    iam.update_assume_role_policy(RoleName="eks-rules", PolicyDocument=trust("ec2"))
    assert "does not trust eks.amazonaws.com" in refusal(eks.create_cluster, **{**two, "name": "other"})
    eks.delete_cluster(name="rules")
    iam.delete_role(RoleName="eks-rules")


def test_parameters_are_of_an_engine_that_there_is(aws: Aws) -> None:
    group = {"DBParameterGroupName": "wrong", "Description": "wrong"}
    assert "ParameterGroupFamily postgres99 is not a valid" in refusal(
        aws("rds").create_db_parameter_group, **group, DBParameterGroupFamily="postgres99"
    )


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

import json
from typing import Any

import pulumi
from pulumi_aws import get_partition, get_region
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ec2 import (
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
    get_subnets_output,
    get_vpc_output,
)
from pulumi_aws.iam import InstanceProfile, Policy, Role, RolePolicy, get_policy_document
from pulumi_aws.s3 import Bucket, BucketLogging, BucketPolicy

config = pulumi.Config()
second = config.get_bool("second") or False
tags = {"owner": "team"}
region = get_region().region

vpc = Vpc("private", cidr_block="10.60.0.0/16", enable_dns_hostnames=True, tags=tags)
gateway = InternetGateway("private", vpc_id=vpc.id, tags=tags)
public = Subnet("public", vpc_id=vpc.id, cidr_block="10.60.0.0/24", availability_zone=f"{region}a", tags=tags)
private = [
    Subnet(f"private-{zone}", vpc_id=vpc.id, cidr_block=f"10.60.{n + 1}.0/24", availability_zone=f"{region}{zone}")
    for n, zone in enumerate("ab")
]
address = Eip("nat", domain="vpc", tags=tags, opts=pulumi.ResourceOptions(depends_on=gateway))
nat = NatGateway("nat", allocation_id=address.allocation_id, subnet_id=public.id, tags=tags)
table = RouteTable("private", vpc_id=vpc.id, tags=tags, routes=[{"cidr_block": "0.0.0.0/0", "nat_gateway_id": nat.id}])
spare = RouteTable("spare", vpc_id=vpc.id)
Route("spare", route_table_id=spare.id, destination_cidr_block="10.99.0.0/16", nat_gateway_id=nat.id)
for number, subnet in enumerate(private):
    RouteTableAssociation(f"private-{number}", subnet_id=subnet.id, route_table_id=table.id)
group = SecurityGroup(
    "endpoints",
    vpc_id=vpc.id,
    ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": [vpc.cidr_block]}],
    egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"], "self": second}],
)
VpcEndpoint(
    "s3",
    vpc_id=vpc.id,
    service_name=f"com.amazonaws.{region}.s3",
    route_table_ids=[table.id, *([spare.id] if second else [])],
    tags=tags,
)
VpcEndpoint(
    "ecr",
    vpc_id=vpc.id,
    service_name=f"com.amazonaws.{region}.ecr.api",
    vpc_endpoint_type="Interface",
    subnet_ids=[subnet.id for subnet in private],
    security_group_ids=[group.id],
    private_dns_enabled=True,
)


def trust(service: str) -> str:
    principals = [{"type": "Service", "identifiers": [service]}]
    statement: Any = {"actions": ["sts:AssumeRole"], "principals": principals}
    return get_policy_document(statements=[statement]).json


logs = LogGroup("flows", retention_in_days=7)
writer = Role("flows", assume_role_policy=trust("vpc-flow-logs.amazonaws.com"), max_session_duration=3600)
actions = ["logs:PutLogEvents", "logs:CreateLogStream", *(["logs:DescribeLogStreams"] if second else [])]
statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
RolePolicy("flows", role=writer.name, policy=document)
FlowLog("all", vpc_id=vpc.id, traffic_type="ALL", log_destination=logs.arn, iam_role_arn=writer.arn, tags=tags)
policy = Policy("node", policy=document, description="logs", tags=tags)
node = Role(
    "node",
    assume_role_policy=trust("ec2.amazonaws.com"),
    managed_policy_arns=[policy.arn],
    inline_policies=[{"name": "logs", "policy": document}],
    tags={**tags, "step": "second" if second else "first"},
)
InstanceProfile("node", role=node.name)
audit = Bucket("audit", force_destroy=True)
data = Bucket("data")


def log_delivery(arn: str) -> str:
    principals = [{"type": "Service", "identifiers": ["logging.s3.amazonaws.com"]}]
    statement: Any = {"actions": ["s3:PutObject"], "principals": principals, "resources": [f"{arn}/*"]}
    return get_policy_document(statements=[statement]).json


allowed = BucketPolicy("audit", bucket=audit.bucket, policy=audit.arn.apply(log_delivery))
BucketLogging(
    "data",
    bucket=data.bucket,
    target_bucket=audit.bucket,
    target_prefix="data/" if second else "d/",
    opts=pulumi.ResourceOptions(depends_on=allowed),
)
after = pulumi.InvokeOutputOptions(depends_on=[public, *private])
pulumi.export("partition", get_partition().partition)
of_vpc: Any = {"name": "vpc-id", "values": [vpc.id]}
pulumi.export("subnets", get_subnets_output(filters=[of_vpc], opts=after).ids.apply(len))
pulumi.export("found", get_vpc_output(id=private[0].vpc_id).cidr_block)
pulumi.export("address", nat.public_ip)

import json

import pulumi
from pulumi_aws import get_availability_zones, get_caller_identity
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ec2 import (
    DefaultSecurityGroup,
    InternetGateway,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    Subnet,
    Vpc,
)
from pulumi_aws.iam import Role, RolePolicyAttachment
from pulumi_aws.kms import Alias, Key
from pulumi_aws.s3 import (
    Bucket,
    BucketLifecycleConfiguration,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketVersioning,
)
from pulumi_aws.vpc import SecurityGroupEgressRule, SecurityGroupIngressRule

config = pulumi.Config()
size = config.get("network") or "10.20.0.0/16"
days = config.get_int("days") or 30
tags = {"owner": "team", "Name": "thread"}
zones = get_availability_zones(state="available").names

vpc = Vpc("network", cidr_block=size, enable_dns_hostnames=True, tags=tags)
gateway = InternetGateway("gateway", vpc_id=vpc.id, tags=tags)
table = RouteTable("public", vpc_id=vpc.id, tags=tags)
Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
for number in range(2):
    subnet = Subnet(
        f"public-{number}",
        vpc_id=vpc.id,
        cidr_block=size.replace("0.0/16", f"{number}.0/24"),
        availability_zone=zones[number],
        map_public_ip_on_launch=True,
        tags=tags,
    )
    RouteTableAssociation(f"public-{number}", subnet_id=subnet.id, route_table_id=table.id)
DefaultSecurityGroup("default", vpc_id=vpc.id)
group = SecurityGroup(
    "web",
    vpc_id=vpc.id,
    description="web",
    tags=tags,
    ingress=[{"protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_blocks": ["10.0.0.0/8"]}],
)
other = SecurityGroup("inner", vpc_id=vpc.id, tags=tags)
SecurityGroupIngressRule(
    "inner-in",
    security_group_id=other.id,
    ip_protocol="tcp",
    from_port=443,
    to_port=443,
    referenced_security_group_id=group.id,
)
SecurityGroupEgressRule("inner-out", security_group_id=other.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")

key = Key("key", description="data", deletion_window_in_days=7, enable_key_rotation=True, tags=tags)
Alias("key", target_key_id=key.key_id)
bucket = Bucket("data", tags=tags, force_destroy=True)
BucketVersioning("data", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"})
BucketServerSideEncryptionConfiguration(
    "data",
    bucket=bucket.bucket,
    rules=[
        {
            "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn},
            "bucket_key_enabled": True,
        }
    ],
)
BucketPublicAccessBlock(
    "data",
    bucket=bucket.bucket,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
BucketOwnershipControls("data", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"})
BucketLifecycleConfiguration(
    "data",
    bucket=bucket.bucket,
    rules=[
        {
            "id": "old",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": 30},
        }
    ],
)
BucketPolicy(
    "data",
    bucket=bucket.bucket,
    policy=bucket.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "tls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )
    ),
)
role = Role(
    "node",
    tags=tags,
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
            ],
        }
    ),
)
RolePolicyAttachment("node", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
logs = LogGroup("logs", retention_in_days=days, tags=tags)
pulumi.export("vpc", vpc.id)
pulumi.export("bucket", bucket.bucket)
pulumi.export("group", logs.name)
pulumi.export("web", group.id)
pulumi.export("table", table.id)
pulumi.export("account", get_caller_identity().account_id)

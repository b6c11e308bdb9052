import json

import pulumi
from pulumi_aws import get_availability_zones, get_caller_identity
from pulumi_aws.athena import Workgroup
from pulumi_aws.budgets import Budget
from pulumi_aws.cloudwatch import EventRule, EventTarget
from pulumi_aws.ec2 import SecurityGroup, Subnet, Vpc
from pulumi_aws.ecr import LifecyclePolicy, Repository
from pulumi_aws.glue import CatalogDatabase, CatalogTable, Crawler
from pulumi_aws.iam import Role
from pulumi_aws.kms import Key
from pulumi_aws.lakeformation import DataLakeSettings, LfTag, Permissions, Resource
from pulumi_aws.rds import Instance, ParameterGroup, SubnetGroup
from pulumi_aws.s3 import Bucket
from pulumi_aws.sqs import Queue

config = pulumi.Config()
days = config.get_int("days") or 7
limit = config.get("limit") or "100"
tags = {"owner": "team"}
me = get_caller_identity()

vpc = Vpc("data", cidr_block="10.50.0.0/16", tags=tags)
zones = get_availability_zones(state="available").names
subnets = [
    Subnet(f"data-{n}", vpc_id=vpc.id, cidr_block=f"10.50.{n}.0/24", availability_zone=zones[n]) for n in range(3)
]
key = Key("data", deletion_window_in_days=7, enable_key_rotation=True)
group = SubnetGroup("data", subnet_ids=[subnet.id for subnet in subnets[: 2 if days == 7 else 3]], tags=tags)
parameters = ParameterGroup(
    "data",
    family="postgres16",
    parameters=[{"name": "log_min_duration_statement", "value": str(days * 100)}],
    tags=tags,
)
reach = SecurityGroup("database", vpc_id=vpc.id)
database = Instance(
    "main",
    engine="postgres",
    engine_version="16.4",
    instance_class="db.t4g.medium",
    allocated_storage=20,
    storage_encrypted=True,
    kms_key_id=key.arn,
    db_name="platform",
    username="platform",
    manage_master_user_password=True,
    db_subnet_group_name=group.name,
    parameter_group_name=parameters.name,
    vpc_security_group_ids=[reach.id],
    backup_retention_period=days,
    skip_final_snapshot=True,
    tags=tags,
)
repository = Repository(
    "images",
    image_tag_mutability="IMMUTABLE",
    image_scanning_configuration={"scan_on_push": days == 7},
    encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
    tags=tags,
)
rule = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": days},
}
LifecyclePolicy(
    "images", repository=repository.name, policy=json.dumps({"rules": [{**rule, "action": {"type": "expire"}}]})
)
bucket = Bucket("lake", force_destroy=True, tags=tags)
trust = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": ["glue.amazonaws.com", "lakeformation.amazonaws.com"]},
}
role = Role("crawler", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
raw = CatalogDatabase("raw", name="raw", description=f"kept {days} days", tags=tags)
table = CatalogTable(
    "iris",
    name="iris",
    database_name=raw.name,
    table_type="EXTERNAL_TABLE",
    parameters={"classification": "parquet", "days": str(days)},
    storage_descriptor={
        "location": bucket.bucket.apply(lambda name: f"s3://{name}/iris"),
        "columns": [{"name": "width", "type": "double"}, {"name": "kind", "type": "string"}],
    },
)
Crawler(
    "raw",
    database_name=raw.name,
    role=role.arn,
    s3_targets=[{"path": bucket.bucket.apply(lambda name: f"s3://{name}/raw")}],
    description=f"{days}",
    tags=tags,
)
Workgroup(
    "lake",
    configuration={
        "enforce_workgroup_configuration": True,
        "bytes_scanned_cutoff_per_query": days * 1024**3,
        "result_configuration": {
            "output_location": bucket.bucket.apply(lambda name: f"s3://{name}/results/"),
            "encryption_configuration": {"encryption_option": "SSE_KMS", "kms_key_arn": key.arn},
        },
    },
    tags=tags,
)
DataLakeSettings("lake", admins=[me.arn])
Resource("lake", arn=bucket.arn, role_arn=role.arn)
LfTag("sensitivity", key="sensitivity", values=["open", "personal", *(["secret"] if days != 7 else [])])
Permissions(
    "crawler",
    principal=role.arn,
    permissions=["DESCRIBE", "CREATE_TABLE"] if days == 7 else ["DESCRIBE", "ALTER"],
    database={"name": raw.name},
)
Budget(
    "monthly",
    budget_type="COST",
    time_unit="MONTHLY",
    limit_amount=limit,
    limit_unit="USD",
    notifications=[
        {
            "comparison_operator": "GREATER_THAN",
            "notification_type": "ACTUAL",
            "threshold": 80,
            "threshold_type": "PERCENTAGE",
            "subscriber_email_addresses": ["team@example.com"],
        }
    ],
    tags=tags,
)
queue = Queue("interruptions", message_retention_seconds=300 * days, sqs_managed_sse_enabled=True, tags=tags)
spot = EventRule(
    "spot", event_pattern=json.dumps({"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]})
)
EventTarget("spot", rule=spot.name, arn=queue.arn)
pulumi.export("endpoint", database.endpoint)
pulumi.export("secret", database.master_user_secrets[0].secret_arn)
pulumi.export("repository", repository.repository_url)

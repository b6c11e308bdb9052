import json

import pulumi
from pulumi_aws.costexplorer import CostAllocationTag
from pulumi_aws.ec2 import Tag, Vpc
from pulumi_aws.iam import Role
from pulumi_aws.rds import Instance
from pulumi_aws.secretsmanager import get_secret_version_output
from pulumi_aws.servicequotas import ServiceQuota, get_service_quota
from pulumi_aws.sqs import Queue, QueuePolicy

config = pulumi.Config()
services = config.get("services") or "events"
cluster = config.get("cluster") or "one"
status = config.get("status") or "Active"


def policy(action: str, **more: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]})


vpc = Vpc("rights", cidr_block="10.70.0.0/16")
Tag("discovery", resource_id=vpc.default_security_group_id, key="karpenter.sh/discovery", value=cluster)
queue = Queue("events", sqs_managed_sse_enabled=True)
named = {"Service": [f"{service}.amazonaws.com" for service in services.split(",")]}
QueuePolicy("events", queue_url=queue.url, policy=policy("sqs:SendMessage", Principal=named, Resource="*"))
CostAllocationTag("team", tag_key="team", status=status)
role = Role(
    "reader",
    assume_role_policy=policy("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"}),
    inline_policies=[
        {"name": "queue", "policy": policy("sqs:ReceiveMessage", Resource="*")},
        {"name": "objects", "policy": policy("s3:GetObject" if cluster == "one" else "s3:PutObject", Resource="*")},
    ],
)
database = Instance(
    "main",
    engine="postgres",
    engine_version="16.4",
    instance_class="db.t4g.medium",
    allocated_storage=20,
    username="platform",
    manage_master_user_password=True,
    skip_final_snapshot=True,
)
secret = database.master_user_secrets[0].secret_arn
known = get_secret_version_output(secret_id=secret).secret_string
subnets = ServiceQuota("subnets", service_code="vpc", quota_code="L-407747CB", value=250)
pulumi.export("subnets", [subnets.default_value, subnets.value, subnets.request_status])
pulumi.export("vpcs", get_service_quota(service_code="vpc", quota_name="VPCs per Region").value)
pulumi.export("password", known.apply(lambda text: json.loads(text)["password"]))
pulumi.export("secret", secret)
pulumi.export("queue", queue.url)
pulumi.export("role", role.name)
pulumi.export("group", vpc.default_security_group_id)

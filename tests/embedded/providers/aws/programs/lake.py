"""The lake of the platform and the buckets that it is in, for one workload's role."""

import json

import pulumi
from pulumi_aws.iam import Role

from modules.core.aws import AwsAccount
from modules.core.contracts import TableColumn
from modules.core.labels import Labels
from modules.core.protection import safeguards
from modules.lake.aws import AwsLake, Place, User
from modules.lake.settings import LakeSettings
from modules.storage.aws import AwsStore, aws_store
from modules.storage.settings import BucketsSettings

config = pulumi.Config()
account = AwsAccount(partition="aws", id="123456789012", region="us-east-1")
labels = Labels(environment="dev", owner="team")
tags = {"environment": "dev", "owner": config.get("owner") or "team"}
kept = safeguards("disposable")
store = AwsStore(
    "storage",
    settings=BucketsSettings(),
    account=account,
    tags=tags,
    protect=False,
    safeguards=kept,
    labels=labels,
)
trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
trainer = Role(
    "trainer", name="trainer", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
)
columns = [
    TableColumn(name="width", type="double", optional=False),
    TableColumn(name="kind", type="string", optional=False),
    # Declared later: an entry of the catalog that is there is its writers' to change.
    *([TableColumn(name="depth", type="double", optional=True)] if config.get("depth") else []),
]
AwsLake(
    "lake",
    settings=LakeSettings(
        administrators=[account.role("deployer"), *([account.role("second")] if config.get("second") else [])],
        readers=[account.role("analyst")],
        scan_limit=config.get("limit") or "10Gi",
        crawl_hour=3 if config.get("crawl") else None,
    ),
    account=account,
    place=Place(
        buckets=aws_store("dev", account, []).buckets,
        ready=store.buckets,
        key_arn=store.key_arn,
        tables="tables",
        accepted="accepted",
    ),
    tables={"iris": columns},
    users={"trainer": User(arn=trainer.arn, tables=["iris"])},
    protect=False,
    safeguards=kept,
    tags=tags,
    labels=labels,
)

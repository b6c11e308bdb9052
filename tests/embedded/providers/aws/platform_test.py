"""The whole platform of an example on an account, through its life; what is in the cluster is written to files."""

import json
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import serving

from .conftest import clients
from .on_account import CLUSTER, IN_ACCOUNT, OnAccount
from .search import Aws
from .thread_test import assert_known_by_their_ids

PRIVATE = f"{CLUSTER}-private-1"
RAW = f"{CLUSTER}-raw-123456789012"
ROLE = f"{CLUSTER}-mlflow"
LOGS = f"/aws/eks/{CLUSTER}/cluster"
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
IMPORTED = ("aws:budgets/budget:Budget", "aws:kms/alias:Alias", "aws:ecr/lifecyclePolicy:LifecyclePolicy")
NO_CODE = ("--generate-code=false", "--protect=false", "--skip-preview")


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an account of its own."""
    with serving("-I", "-m", "embedded.aws") as (address,):
        yield address


@contextmanager
def held_to_policies(address: str) -> Generator[None]:
    """As long as it lasts, the account lets nobody do what no policy allows."""
    for mark in ("0", "inf"):
        request = urllib.request.Request(
            f"{address}/moto-api/reset-auth", mark.encode(), {"Content-Type": "text/plain"}, method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        if mark == "0":
            yield


def read_only(aws: Aws) -> tuple[str, str]:
    """Access key of a user who may only read, by AWS's own policy."""
    iam = aws("iam")
    iam.create_user(UserName="auditor")
    iam.attach_user_policy(UserName="auditor", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    tags = {"Effect": "Allow", "Action": "lakeformation:ListLFTags", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [tags]})
    iam.put_user_policy(UserName="auditor", PolicyName="tags", PolicyDocument=document)
    key = iam.create_access_key(UserName="auditor")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def change_behind_its_back(aws: Aws) -> None:
    """Of several kinds: in place, and by deletion."""
    ec2 = aws("ec2")
    (network,) = ec2.describe_vpcs(Filters=[{"Name": "tag:owner", "Values": ["team"]}])["Vpcs"]
    ec2.create_tags(Resources=[network["VpcId"]], Tags=[{"Key": "owner", "Value": "somebody"}])
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [PRIVATE]}])["RouteTables"]
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    aws("s3").put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Suspended"})
    aws("s3").delete_public_access_block(Bucket=RAW)
    everything = json.dumps({"Version": "2012-10-17", "Statement": [ANYTHING]})
    (policy,) = aws("iam").list_role_policies(RoleName=ROLE)["PolicyNames"]
    aws("iam").put_role_policy(RoleName=ROLE, PolicyName=policy, PolicyDocument=everything)
    aws("logs").put_retention_policy(logGroupName=LOGS, retentionInDays=1)
    aws("rds").modify_db_instance(DBInstanceIdentifier=CLUSTER, BackupRetentionPeriod=3, ApplyImmediately=True)
    aws("ecr").put_image_tag_mutability(repositoryName=f"{CLUSTER}/mlflow", imageTagMutability="MUTABLE")
    off = {"clusterLogging": [{"types": ["audit"], "enabled": False}]}
    aws("eks").update_cluster_config(name=CLUSTER, logging=off)


SEEN = (
    '"team" => "somebody"',
    "aws:ec2/route:Route: (delete)",
    'status: "Enabled" => "Suspended"',
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock: (delete)",
    "aws:iam/rolePolicy:RolePolicy: (update)",
    "retentionInDays: 30 => 1",
    "backupRetentionPeriod: 1 => 3",
    'imageTagMutability: "IMMUTABLE" => "MUTABLE"',
    "~ enabledClusterLogTypes: [",
)


def is_whole(aws: Aws) -> bool:
    (table,) = aws("ec2").describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [PRIVATE]}])["RouteTables"]
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix=LOGS)["logGroups"]
    (database,) = aws("rds").describe_db_instances()["DBInstances"]
    (repository,) = aws("ecr").describe_repositories(repositoryNames=[f"{CLUSTER}/mlflow"])["repositories"]
    (policy,) = aws("iam").list_role_policies(RoleName=ROLE)["PolicyNames"]
    document = aws("iam").get_role_policy(RoleName=ROLE, PolicyName=policy)["PolicyDocument"]
    logging = aws("eks").describe_cluster(name=CLUSTER)["cluster"]["logging"]["clusterLogging"]
    return (
        "0.0.0.0/0" in [each.get("DestinationCidrBlock") for each in table["Routes"]]
        and aws("s3").get_bucket_versioning(Bucket=RAW)["Status"] == "Enabled"
        and all(aws("s3").get_public_access_block(Bucket=RAW)["PublicAccessBlockConfiguration"].values())
        and ANYTHING not in document["Statement"]
        and (group["retentionInDays"], database["BackupRetentionPeriod"]) == (30, 1)
        and repository["imageTagMutability"] == "IMMUTABLE"
        and all(each["enabled"] for each in logging)
    )


def import_again(project: OnAccount, ids: dict[str, str]) -> None:
    """Take some resources out of the state, as if others had made them, and import them by their ids."""
    provider = next(str(each["urn"]) for each in project.resources() if "pulumi:providers:aws" in str(each["urn"]))
    for kind in IMPORTED:
        urn = next(each for each in ids if f"${kind}::" in each)
        project.run("state", "delete", urn, "--yes")
        beginning, _, name = urn.rpartition("::")
        parent = f"{beginning.removesuffix(f'${kind}')}::{name.partition('-')[0]}"
        named = ("--parent", f"parent={parent}", "--provider", f"provider={provider}")
        project.run("import", kind, name, ids[urn], *named, *NO_CODE, "--yes")
    project.up()
    project.run("preview", "--expect-no-changes")


def kubernetes_leaves_behind(aws: Aws) -> None:
    """A load balancer and a volume, with the tags that Kubernetes gives them, and no cluster any more."""
    ec2, tags = aws("ec2"), [{"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": "owned"}]
    network = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.99.0.0/24")["Subnet"]["SubnetId"]
    aws("elbv2").create_load_balancer(Name="a1b2c3", Type="network", Subnets=[subnet], Tags=tags)
    specification = [{"ResourceType": "volume", "Tags": tags}]
    zone = f"{ec2.meta.region_name}a"
    ec2.create_volume(AvailabilityZone=zone, Size=10, VolumeType="gp3", TagSpecifications=specification)


def remove(aws: Aws) -> None:
    (balancer,) = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for each in aws("ec2").describe_volumes()["Volumes"]:
        aws("ec2").delete_volume(VolumeId=each["VolumeId"])


def test_it_goes_up_is_mended_is_imported_and_goes_and_nothing_is_left(
    tmp_path: Path, toolchain: Path, server: str
) -> None:
    project = OnAccount(tmp_path, toolchain, "aws-dev", server)
    aws = clients(server, project.region)
    project.up()
    project.run("preview", "--expect-no-changes")
    assert_known_by_their_ids(project, server, project.region)

    change_behind_its_back(aws)
    seen = project.run("refresh", "--yes", "--skip-preview", "--diff", *IN_ACCOUNT)
    for line in SEEN:
        assert line in seen
    project.up()
    assert is_whole(aws)
    project.run("preview", "--expect-no-changes")
    project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", *IN_ACCOUNT)

    made = project.ids()
    import_again(project, made)
    assert project.ids() == made

    key = read_only(aws)
    code, there = project.leftovers(server)
    assert code == 1
    assert len(there["left"]) > 50
    assert there["usd_per_month"] > 100
    project.run("destroy", "--yes", "--skip-preview")
    kubernetes_leaves_behind(aws)
    with held_to_policies(server):
        code, there = project.leftovers(server, key)
    assert (code, there["unread"]) == (1, [])
    assert {each["kind"]: each["usd_per_month"] for each in there["left"]} == {
        "load balancer": pytest.approx(16.425),
        "volume": pytest.approx(0.8),
    }
    assert there["usd_per_month"] == pytest.approx(17.23)
    remove(aws)
    with held_to_policies(server):
        code, there = project.leftovers(server, key)
    assert (code, there["left"], there["unread"]) == (0, [], [])

"""One program for network, keys, storage and rights through its whole life, by plain `pulumi` commands and boto3."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded.providers.aws.account import Account
from embedded.providers.aws.provider import Aws as Emulated
from embedded.providers.base import Resource

from ..project import Project
from .conftest import REGION
from .search import ACCOUNT, Aws, left

PROGRAMS = Path(__file__).parent / "programs"


def test_a_platforms_ground_goes_up_changes_is_mended_and_goes(cloud: Project, aws: Aws) -> None:
    before = left(aws)
    cloud.write((PROGRAMS / "network_and_storage.py").read_text())
    assert "26 created" in cloud.up()
    unchanged = cloud.run("preview", "--expect-no-changes")
    assert "26 unchanged" in unchanged
    assert f"emulated: the AWS account at {cloud.environment['AWS_ENDPOINT_URL']}" in unchanged
    assert "26 unchanged" in cloud.run("refresh", "--yes", "--skip-preview")
    made: Any = cloud.outputs()
    assert made["account"] == ACCOUNT

    cloud.run("config", "set", "days", "90")
    assert "1 updated" in cloud.up()
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix=made["group"])["logGroups"]
    assert group["retentionInDays"] == 90

    change_behind_its_back(aws, made)
    seen = cloud.run("refresh", "--yes", "--skip-preview", "--diff")
    for change in (
        'owner: "team" => "somebody"',
        'status: "Enabled" => "Suspended"',
        "fromPort",
        "restrictPublicBuckets",
    ):
        assert change in seen
    cloud.up()
    assert is_whole(aws, made)
    assert "26 unchanged" in cloud.run("preview", "--expect-no-changes")

    cloud.run("config", "set", "network", "10.30.0.0/16")
    assert "12 replaced" in cloud.up()
    moved: Any = cloud.outputs()
    assert moved["vpc"] != made["vpc"]
    assert moved["bucket"] == made["bucket"]

    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


@pytest.mark.parametrize(
    ("program", "settings", "updated"),
    [
        ("private_network", {"second": "true"}, 6),
        ("cluster", {"version": "1.34", "most": "5", "team": "b"}, 3),
        ("data", {"days": "14", "limit": "250"}, 13),
        ("machines", {"type": "t3.small", "profile": "1", "tokens": "required", "monitoring": "true"}, 1),
        ("messages", {"text": "two", "raw": "true"}, 5),
        ("site", {"index": "home.html", "days": "60", "versioned": "false"}, 5),
        ("rights", {"services": "events,sqs", "cluster": "two", "status": "Inactive"}, 4),
    ],
)
def test_every_change_of_a_program_is_made_in_place_and_leaves_nothing_to_do(
    cloud: Project, aws: Aws, program: str, settings: dict[str, str], updated: int
) -> None:
    before = left(aws)
    cloud.write((PROGRAMS / f"{program}.py").read_text())
    cloud.up()
    assert_known_by_their_ids(cloud, cloud.environment["AWS_ENDPOINT_URL"])
    cloud.run("preview", "--expect-no-changes")
    cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    for name, value in settings.items():
        cloud.run("config", "set", name, value)
    output = cloud.up()
    assert f"{updated} updated" in output
    assert "replaced" not in output
    cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cloud.run("preview", "--expect-no-changes")
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


LEARNED_BY_NO_READ = {
    "forceDestroy",
    "forceDelete",
    "deletionWindowInDays",
    "skipFinalSnapshot",
    "manageMasterUserPassword",
    *("allowMajorVersionUpgrade", "applyImmediately", "deleteAutomatedBackups", "finalSnapshotIdentifier"),
    *("updateDefaultVersion", "resolveConflictsOnCreate", "resolveConflictsOnUpdate", "bootstrapSelfManagedAddons"),
    "openTableFormatInput",
    *("versioning", "website", "lifecycleRules", "serverSideEncryptionConfiguration", "corsRules"),
    *("acl", "content", "source"),
    *("publicKey", "userData", "rootBlockDevice", "metadataOptions", "iamInstanceProfile", "getPasswordData"),
}
"""Inputs that AWS does not show: an import leaves them as they are without being set, as with the official provider."""
FILLED_BY_AWS = {
    "aws:eks/cluster:Cluster": {"vpcConfig"},
    "aws:eks/nodeGroup:NodeGroup": {"launchTemplate"},
    "aws:rds/parameterGroup:ParameterGroup": {"parameters"},
    "aws:cloudwatch/eventRule:EventRule": {"isEnabled", "state"},
    "aws:sns/topic:Topic": {"policy"},
    "aws:athena/workgroup:Workgroup": {"configuration"},
}
"""Blocks in which AWS sets what a program leaves out: an import has it too, the program then takes it out in place."""
IMPORTED_AS = {"aws:eks/podIdentityAssociation:PodIdentityAssociation": "{clusterName},{associationId}"}
NOT_IMPORTED = {
    "aws:lakeformation/permissions:Permissions",
    "aws:lakeformation/resourceLfTag:ResourceLfTag",
    "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
    # Its documented id lists what the rule lets through.
    "aws:ec2/securityGroupRule:SecurityGroupRule",
}
"""The SDK documents no id, or one that says more than which resource it is."""


def assert_known_by_their_ids(project: Project, address: str, region: str = REGION) -> None:
    """Each resource of the state, read by its id alone, gives inputs that the program changes nothing of."""
    provider = Emulated(Account(region, endpoint=address))
    entries: Any = json.loads(project.run("stack", "export", "--show-secrets"))["deployment"]["resources"]
    for entry in entries:
        kind: str = entry["type"]
        if kind.startswith("aws:") and kind not in NOT_IMPORTED:
            resource = Resource(entry["urn"], kind, "")
            id: str = entry["id"]
            found = provider.read(resource, IMPORTED_AS.get(kind, id).format(**entry["outputs"]), {}, {})
            assert found is not None, kind
            changes = set(provider.diff(resource, found.properties, found.inputs, entry["inputs"]).changes)
            assert changes <= LEARNED_BY_NO_READ | FILLED_BY_AWS.get(kind, set[str]()), kind


def change_behind_its_back(aws: Aws, made: Any) -> None:
    ec2 = aws("ec2")
    ec2.create_tags(
        Resources=[made["vpc"]], Tags=[{"Key": "owner", "Value": "somebody"}, {"Key": "extra", "Value": "1"}]
    )
    ec2.modify_vpc_attribute(VpcId=made["vpc"], EnableDnsHostnames={"Value": False})
    everyone = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.authorize_security_group_ingress(GroupId=made["web"], IpPermissions=everyone)
    ec2.delete_route(RouteTableId=made["table"], DestinationCidrBlock="0.0.0.0/0")
    aws("s3").put_bucket_versioning(Bucket=made["bucket"], VersioningConfiguration={"Status": "Suspended"})
    aws("s3").delete_public_access_block(Bucket=made["bucket"])


def is_whole(aws: Aws, made: Any) -> bool:
    ec2 = aws("ec2")
    (vpc,) = ec2.describe_vpcs(VpcIds=[made["vpc"]])["Vpcs"]
    names = ec2.describe_vpc_attribute(VpcId=made["vpc"], Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    (web,) = ec2.describe_security_groups(GroupIds=[made["web"]])["SecurityGroups"]
    (table,) = ec2.describe_route_tables(RouteTableIds=[made["table"]])["RouteTables"]
    return (
        {tag["Key"]: tag["Value"] for tag in vpc["Tags"]} == {"Name": "thread", "owner": "team"}
        and names
        and [rule["FromPort"] for rule in web["IpPermissions"]] == [80]
        and "0.0.0.0/0" in [route["DestinationCidrBlock"] for route in table["Routes"]]
        and aws("s3").get_bucket_versioning(Bucket=made["bucket"])["Status"] == "Enabled"
        and all(aws("s3").get_public_access_block(Bucket=made["bucket"])["PublicAccessBlockConfiguration"].values())
    )


def test_what_others_made_is_imported_by_the_ids_that_the_sdk_documents(cloud: Project, aws: Aws) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    trust: Any = {"Version": "2012-10-17", "Statement": []}
    aws("iam").create_role(RoleName="by-hand", AssumeRolePolicyDocument=json.dumps(trust))
    policy = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    aws("iam").attach_role_policy(RoleName="by-hand", PolicyArn=policy)
    cloud.write(
        f"""
        import pulumi
        from pulumi_aws.ec2 import Vpc
        from pulumi_aws.iam import Role, RolePolicyAttachment

        def by(id):
            return pulumi.ResourceOptions(import_=id)

        Vpc("vpc", cidr_block="10.77.0.0/16", opts=by("{vpc}"))
        Role("role", name="by-hand", assume_role_policy='{json.dumps(trust)}', opts=by("by-hand"))
        RolePolicyAttachment("a", role="by-hand", policy_arn="{policy}", opts=by("by-hand/{policy}"))
        """
    )
    assert "3 imported" in cloud.up()
    cloud.run("preview", "--expect-no-changes")
    cloud.run("destroy", "--yes", "--skip-preview")
    assert vpc not in [entry["VpcId"] for entry in ec2.describe_vpcs()["Vpcs"]]


def test_a_bucket_is_emptied_before_it_goes_only_where_the_program_says_so_and_each_run_says_emulated(
    cloud: Project, aws: Aws
) -> None:
    before = left(aws)
    cloud.write(
        """
        import pulumi
        from pulumi_aws.s3 import Bucket
        bucket = Bucket("kept", force_destroy=pulumi.Config().get_bool("emptied") or False)
        pulumi.export("bucket", bucket.id)
        """
    )
    words = f"emulated: the AWS account at {cloud.environment['AWS_ENDPOINT_URL']} is on this machine, not at AWS"
    assert words in cloud.run("preview")
    assert words in cloud.up()
    assert words in cloud.run("refresh", "--yes", "--skip-preview")
    s3, bucket = aws("s3"), {"Bucket": cloud.outputs()["bucket"]}
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        s3.put_object(**bucket, Key="data", Body=content)
    s3.delete_object(**bucket, Key="data")

    refused = cloud.run("destroy", "--yes", "--skip-preview", check=False)
    assert "BucketNotEmpty" in refused
    assert words in refused
    assert len(s3.list_object_versions(**bucket)["Versions"]) == 2

    cloud.run("config", "set", "emptied", "true")
    cloud.up()
    assert words in cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


def test_wrong_inputs_are_refused_before_anything_is_made(cloud: Project, aws: Aws) -> None:
    before = left(aws)
    cloud.write('from pulumi_aws.cloudwatch import LogGroup\nLogGroup("logs", retention_in_days=31)\n')
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        assert "retentionInDays: 31 is not among 0, 1, 3" in cloud.run(*command, check=False)
    assert left(aws) == before


def test_a_cluster_that_eks_would_refuse_is_refused(cloud: Project, aws: Aws) -> None:
    cloud.write(
        """
        from pulumi_aws.ec2 import Subnet, Vpc
        from pulumi_aws.eks import Cluster
        vpc = Vpc("one", cidr_block="10.80.0.0/16")
        subnet = Subnet("one", vpc_id=vpc.id, cidr_block="10.80.0.0/24", availability_zone="us-east-1a")
        nobody = "arn:aws:iam::123456789012:role/nobody"
        Cluster("one", role_arn=nobody, vpc_config={"subnet_ids": [subnet.id]})
        """
    )
    assert f"Role arn:aws:iam::{ACCOUNT}:role/nobody could not be found" in cloud.up(check=False)
    cloud.run("destroy", "--yes", "--skip-preview")
    assert aws("eks").list_clusters()["clusters"] == []


def test_an_address_that_is_not_this_machine_is_refused(cloud: Project) -> None:
    cloud.environment["AWS_ENDPOINT_URL"] = "https://192.0.2.1"
    cloud.write('from pulumi_aws.kms import Key\nKey("key")\n')
    output = cloud.up(check=False)
    assert "endpoint https://192.0.2.1: not on this machine" in output
    assert "loopback only" in output


def test_a_providers_own_tags_and_region_reach_its_resources(cloud: Project, aws: Aws) -> None:
    before = left(aws)
    cloud.write(
        """
        import pulumi
        from pulumi_aws import Provider
        from pulumi_aws.ec2 import Vpc
        config = pulumi.Config()
        tags = {"cost": config.get("cost") or "1", "owner": "team"}
        other = Provider("other", region=config.get("region") or "us-east-1", default_tags={"tags": tags})
        vpc = Vpc("vpc", cidr_block="10.1.0.0/16", tags={"owner": "me"}, opts=pulumi.ResourceOptions(provider=other))
        pulumi.export("vpc", vpc.id)
        pulumi.export("arn", vpc.arn)
        """
    )
    cloud.up()
    for cost in ("1", "2"):
        cloud.run("config", "set", "cost", cost)
        cloud.up()
        cloud.run("preview", "--expect-no-changes")
        (vpc,) = aws("ec2").describe_vpcs(VpcIds=[cloud.outputs()["vpc"]])["Vpcs"]
        assert {tag["Key"]: tag["Value"] for tag in vpc["Tags"]} == {"owner": "me", "cost": cost}
    cloud.run("config", "set", "region", "eu-west-1")
    assert "1 replaced" in cloud.up()
    assert ":eu-west-1:" in str(cloud.outputs()["arn"])
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before

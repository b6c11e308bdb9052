"""The engine is killed while it makes resources; AWS throttles and fails: nothing is made twice, nothing is left."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from scripts.cli.clients.engine import DESTROY
from tests.processes import serving

from ..project import QUIET, Project
from .conftest import clients
from .search import Aws, left

PROGRAM = (Path(__file__).parent / "programs" / "network_and_storage.py").read_text()


def kill_after(project: Project, lines: int, run: str = "up", about: str = " creat") -> None:
    """Kills the engine once it has printed so many lines with this pattern; a run that ends before fails the test."""
    command = ["pulumi", run, "--yes", "--skip-preview", *QUIET]
    pipe = subprocess.PIPE
    printed = list[str]()
    with subprocess.Popen(command, cwd=project.folder, env=project.environment, stdout=pipe, text=True) as process:
        assert process.stdout
        left = lines
        for line in process.stdout:
            printed.append(line)
            left -= bool(re.search(about, line))
            if not left:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL, "".join(printed)


@pytest.mark.parametrize("lines", [2, 9, 23, 38])
def test_a_killed_run_is_gone_on_with_and_nothing_is_made_twice(cloud: Project, aws: Aws, lines: int) -> None:
    before = left(aws)
    cloud.write(PROGRAM)
    kill_after(cloud, lines)
    cloud.run("cancel", "--yes")
    cloud.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    cloud.up()
    cloud.run("preview", "--expect-no-changes")
    vpcs = [vpc for vpc in aws("ec2").describe_vpcs()["Vpcs"] if vpc["CidrBlock"] == "10.20.0.0/16"]
    assert len(vpcs) == 1
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


@pytest.mark.parametrize("lines", [2, 9])
def test_a_run_that_is_killed_and_then_wants_something_else_leaves_nothing(
    cloud: Project, aws: Aws, lines: int
) -> None:
    before = left(aws)
    cloud.write(PROGRAM)
    kill_after(cloud, lines)
    cloud.run("cancel", "--yes")
    cloud.run("config", "set", "network", "10.30.0.0/16")
    cloud.run("config", "set", "days", "90")
    cloud.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    cloud.up()
    cloud.run("preview", "--expect-no-changes")
    assert [vpc["CidrBlock"] for vpc in aws("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == ["10.30.0.0/16"]
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


def test_what_a_person_takes_out_of_the_state_stays_as_it_is(cloud: Project, aws: Aws) -> None:
    before = left(aws)
    cloud.write(
        """
        import pulumi
        from pulumi_aws.ec2 import Vpc
        vpc = Vpc("own", cidr_block=pulumi.Config().get("network") or "10.44.0.0/16")
        pulumi.export("urn", vpc.urn)
        pulumi.export("id", vpc.id)
        """
    )
    cloud.up()
    made = cloud.outputs()
    cloud.run("state", "delete", str(made["urn"]), "--yes")
    cloud.run("config", "set", "network", "10.45.0.0/16")
    cloud.up()
    assert cloud.outputs()["id"] != made["id"]
    aws("ec2").delete_vpc(VpcId=made["id"])
    cloud.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == before


def test_what_can_not_be_deleted_keeps_nothing_but_what_it_needs_itself_and_the_run_fails(
    cloud: Project, aws: Aws
) -> None:
    before = left(aws)
    cloud.write(
        """
        import pulumi
        from pulumi_aws.ec2 import Subnet, Vpc
        from pulumi_aws.s3 import Bucket, BucketVersioning
        bucket = Bucket("full")
        BucketVersioning("full", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
        network = Vpc("own", cidr_block="10.46.0.0/16")
        subnet = Subnet("own", vpc_id=network.id, cidr_block="10.46.1.0/24")
        Subnet("last", vpc_id=network.id, cidr_block="10.46.2.0/24", opts=pulumi.ResourceOptions(depends_on=[subnet]))
        pulumi.export("bucket", bucket.id)
        """
    )
    cloud.up()
    bucket = {"Bucket": cloud.outputs()["bucket"]}
    aws("s3").put_object(**bucket, Key="a", Body=b"1")
    assert "BucketNotEmpty" in cloud.run(*DESTROY, check=False)
    kept = [str(each["urn"]).rpartition("::")[0].rpartition("::")[2] for each in cloud.resources()]
    assert sorted(kept) == ["aws:s3/bucket:Bucket", "pulumi:providers:aws", "pulumi:pulumi:Stack"]
    aws("s3").delete_object(**bucket, Key="a")
    for version in aws("s3").list_object_versions(**bucket).get("Versions", ()):
        aws("s3").delete_object(**bucket, Key="a", VersionId=version["VersionId"])
    for marker in aws("s3").list_object_versions(**bucket).get("DeleteMarkers", ()):
        aws("s3").delete_object(**bucket, Key="a", VersionId=marker["VersionId"])
    cloud.run(*DESTROY)
    assert left(aws) == before


@pytest.mark.heavy
def test_an_account_that_throttles_and_fails_gets_the_same_platform(cloud: Project) -> None:
    with serving(str(Path(__file__).parent / "faulty.py")) as (faulty, plain):
        aws = clients(plain)
        before = left(aws)
        cloud.environment["AWS_ENDPOINT_URL"] = faulty
        cloud.write(PROGRAM)
        assert "26 created" in cloud.up()
        cloud.run("preview", "--expect-no-changes")
        cloud.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
        cloud.run("destroy", "--yes", "--skip-preview")
        assert left(aws) == before

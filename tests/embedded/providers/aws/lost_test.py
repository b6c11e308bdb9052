"""A run that was killed, and whose state nobody has any more: what it left is found all the same."""

from pathlib import Path

from .conftest import clients, serving
from .crash_test import kill_after
from .on_account import OnAccount

LINES = 450
"""Of some 650 about creations, that the run prints before it is killed."""
WITHOUT_TAGS = {"key's alias"}
"""Kinds that take none, and are found by their names."""


def test_the_search_finds_what_a_killed_run_left_and_what_takes_no_tags(tmp_path: Path, toolchain: Path) -> None:
    with serving("-I", "-m", "embedded.aws") as (address,):
        project = OnAccount(tmp_path, toolchain, "aws-dev", address)
        kill_after(project, LINES)
        code, there = project.leftovers(address)
        assert (code, there["unread"]) == (1, [])
        found = {(each["kind"], each["id"]) for each in there["left"]}
        assert {kind for kind, _ in found} >= {"network", "subnet", "bucket", "role", "key", *WITHOUT_TAGS}
        aws = clients(address, project.region)
        for network in aws("ec2").describe_vpcs()["Vpcs"]:
            assert network["IsDefault"] or ("network", network["VpcId"]) in found
        for alias in aws("kms").list_aliases()["Aliases"]:
            if not alias["AliasName"].startswith("alias/aws/"):
                assert ("key's alias", alias["AliasName"]) in found
        for bucket in aws("s3").list_buckets()["Buckets"]:
            assert ("bucket", bucket["Name"]) in found
        assert there["usd_per_month"] > 0

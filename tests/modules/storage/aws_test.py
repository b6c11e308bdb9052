"""What the object store's component declares on AWS, seen through the engine's mocks."""

import json
from typing import Any

import pytest

from modules.core.aws import AwsAccount
from modules.core.contracts import ROLES
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.core.protection import Protection, safeguards
from modules.storage.aws import AwsStore, aws_store, bucket_name
from modules.storage.settings import BucketSettings, BucketsSettings
from tests.mocks import Declared, Monitor, declare

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}
EVERY = {*ROLES, "access-records"}


def declared(
    protection: Protection = "full", *, protect: bool = False, **buckets: Any
) -> tuple[list[Declared], Monitor]:
    def program() -> None:
        AwsStore(
            "storage",
            settings=BucketsSettings(**buckets),
            account=ACCOUNT,
            tags=TAGS,
            protect=protect,
            safeguards=safeguards(protection),
            labels=Labels(environment="dev", owner="someone"),
        )

    recorder, monitor = declare(program)
    return recorder.declared, monitor


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()[0]


def by_role(resources: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    found = {each.name: each.inputs for each in resources if each.type.rpartition(":")[2] == kind}
    return {name.removeprefix("storage-"): inputs for name, inputs in found.items()}


def test_each_role_has_a_bucket_whose_name_no_other_account_has(resources: list[Declared]) -> None:
    names = {role: each["bucket"] for role, each in by_role(resources, "Bucket").items()}
    assert names == {role: f"groundwork-dev-{role}-123456789012" for role in EVERY}


def test_the_contract_names_the_same_buckets_and_no_keys(resources: list[Declared]) -> None:
    contract = aws_store("dev", ACCOUNT, ["52.218.0.0/17"])
    names = {role: each["bucket"] for role, each in by_role(resources, "Bucket").items()}
    assert contract.buckets == {role: names[role] for role in ROLES}
    assert (contract.endpoint, contract.region, contract.credentials) == (None, "eu-west-1", {})
    assert contract.address("raw", "data/x") == "s3://groundwork-dev-raw-123456789012/data/x"


def test_no_bucket_is_public_or_has_objects_of_others(resources: list[Declared]) -> None:
    blocks, owners = by_role(resources, "BucketPublicAccessBlock"), by_role(resources, "BucketOwnershipControls")
    assert set(blocks) == set(owners) == EVERY
    for role in EVERY:
        closed = [value for key, value in blocks[role].items() if key != "bucket"]
        assert closed == [True] * 4
        assert owners[role]["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_every_bucket_refuses_what_comes_without_tls(resources: list[Declared]) -> None:
    policies = by_role(resources, "BucketPolicy")
    assert set(policies) == EVERY
    for role, each in policies.items():
        denied = json.loads(each["policy"])["Statement"][0]
        arn = f"arn:aws:s3:::groundwork-dev-{role}-123456789012"
        assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", {"AWS": "*"}, "s3:*")
        assert denied["Resource"] == [arn, f"{arn}/*"]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_data_is_encrypted_with_the_platforms_key(resources: list[Declared]) -> None:
    (key,) = by_role(resources, "Key").values()
    assert key["enableKeyRotation"] is True
    for role, each in by_role(resources, "BucketServerSideEncryptionConfiguration").items():
        (rule,) = each["rules"]
        algorithm = rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"]
        assert algorithm == ("AES256" if role == "access-records" else "aws:kms")


def test_who_reads_and_writes_is_recorded_by_role(resources: list[Declared]) -> None:
    logging = by_role(resources, "BucketLogging")
    assert {role: each["targetPrefix"] for role, each in logging.items()} == {role: f"{role}/" for role in ROLES}
    stored = json.loads(by_role(resources, "BucketPolicy")["access-records"]["policy"])["Statement"][1]
    assert stored["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert stored["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_versions_and_what_expires_are_as_the_settings_say() -> None:
    raw = BucketSettings(expiration_days=9, noncurrent_expiration_days=8, abort_incomplete_upload_days=7)
    resources, _ = declared(raw=raw)
    versions = {role: each["versioningConfiguration"] for role, each in by_role(resources, "BucketVersioning").items()}
    assert versions["raw"] == {"status": "Enabled"}
    assert versions["logs"] == versions["access-records"] == {"status": "Suspended"}
    rules = {rule["id"]: rule for rule in by_role(resources, "BucketLifecycleConfiguration")["raw"]["rules"]}
    assert rules["objects"]["expiration"] == {"days": 9}
    assert rules["noncurrent-versions"]["noncurrentVersionExpiration"] == {"noncurrentDays": 8}
    assert rules["incomplete-uploads"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert {rule["status"] for rule in rules.values()} == {"Enabled"}


def test_data_is_protected_and_emptied_only_where_that_was_said() -> None:
    resources, monitor = declared(protect=True)
    assert monitor.protected == {"storage-key", *(f"storage-{role}" for role in EVERY)}
    assert not any(each["forceDestroy"] for each in by_role(resources, "Bucket").values())
    resources, _ = declared("removable")
    assert not any(each["forceDestroy"] for each in by_role(resources, "Bucket").values())
    resources, monitor = declared("disposable")
    assert monitor.protected == set()
    assert all(each["forceDestroy"] for each in by_role(resources, "Bucket").values())


def test_everything_that_takes_tags_has_all_of_them(resources: list[Declared]) -> None:
    for kind in ("Bucket", "Key"):
        for each in by_role(resources, kind).values():
            assert each["tags"].items() >= TAGS.items()


def test_a_name_that_is_too_long_for_s3_is_refused() -> None:
    with pytest.raises(UserError, match="at most 63 are allowed"):
        bucket_name("e" * 40, "access-records", ACCOUNT)

import json
import tomllib
from typing import Any

from modules.core.contracts import Consumer, Grant
from modules.storage.documents import (
    ROLES,
    KeyPair,
    bucket_document,
    consumer_policy,
    identities,
    lifecycle,
    security_toml,
    shared_credentials,
)
from modules.storage.seaweedfs import object_store, server_command
from modules.storage.settings import BucketSettings, BucketsSettings

NAMES: dict[str, str] = {role: f"local-{role}" for role in ROLES}
KEYS = KeyPair(accessKey="AKIA", secretKey="hidden")


def test_the_document_describes_each_bucket_by_its_role() -> None:
    document = bucket_document(BucketsSettings(logs=BucketSettings(versioning=False, expiration_days=9)), NAMES)
    assert [bucket["name"] for bucket in document["buckets"]] == list(NAMES.values())
    logs = document["buckets"][3]
    assert logs["versioning"] == "Suspended"
    assert logs["encryption"] == "AES256"
    rule = {"ID": "objects", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    assert rule in logs["lifecycle"]


def test_each_thing_that_expires_has_a_rule_of_its_own() -> None:
    rules = lifecycle(BucketSettings(expiration_days=1, noncurrent_expiration_days=2, abort_incomplete_upload_days=3))
    assert [rule["ID"] for rule in rules] == ["objects", "noncurrent-versions", "incomplete-uploads"]
    assert rules[1]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 2}
    assert [rule["ID"] for rule in lifecycle(BucketSettings())] == ["incomplete-uploads"]


def allowed(policy: dict[str, Any], action: str) -> list[str]:
    return [r for s in policy["Statement"] if action in s["Action"] for r in s["Resource"]]


IRIS = Consumer(
    buckets={
        "raw": Grant(read=("sha256/",), add=("data/iris/",), write=("incoming/iris/",)),
        "artifacts": Grant(read=("models/iris/",)),
    }
)


def test_a_consumer_may_do_what_it_was_granted_below_the_prefixes_that_are_named() -> None:
    policy, raw, artifacts = consumer_policy(IRIS, NAMES), "arn:aws:s3:::local-raw", "arn:aws:s3:::local-artifacts"
    read = [f"{artifacts}/models/iris/*", f"{raw}/sha256/*", f"{raw}/data/iris/*", f"{raw}/incoming/iris/*"]
    assert allowed(policy, "s3:GetObject") == read
    assert allowed(policy, "s3:PutObject") == [f"{raw}/data/iris/*", f"{raw}/incoming/iris/*"]
    assert allowed(policy, "s3:DeleteObject") == [f"{raw}/incoming/iris/*"]


def test_a_consumer_lists_nothing_but_what_it_reads() -> None:
    listed = {
        statement["Resource"][0]: statement["Condition"]["StringLike"]["s3:prefix"]
        for statement in consumer_policy(IRIS, NAMES)["Statement"]
        if "s3:ListBucket" in statement["Action"]
    }
    assert listed == {
        "arn:aws:s3:::local-artifacts": ["models/iris/*"],
        "arn:aws:s3:::local-raw": ["sha256/*", "data/iris/*", "incoming/iris/*"],
    }


def test_no_consumer_may_delete_a_version_or_change_a_bucket() -> None:
    policy = consumer_policy(Consumer(buckets=dict.fromkeys(ROLES, Grant(write=("",)))), NAMES)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert not {a for a in actions if a.startswith(("s3:PutBucket", "s3:DeleteBucket", "s3:CreateBucket", "s3:*"))}
    assert "s3:DeleteObjectVersion" not in actions


def test_a_consumer_that_only_reads_gets_no_statement_for_writing() -> None:
    policy = consumer_policy(Consumer(buckets={"raw": Grant(read=("incoming/",))}), NAMES)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert not {action for action in actions if action.startswith(("s3:Put", "s3:Delete"))}


def test_identities_tie_each_consumer_to_its_policy() -> None:
    document = json.loads(identities(KEYS, {"iris": (KEYS, {"Version": "2012-10-17", "Statement": []})}))
    admin, iris = document["identities"]
    assert admin["actions"][0] == "Admin"
    assert iris == {"name": "iris", "credentials": [KEYS], "policyNames": ["iris"]}
    assert document["policies"][0]["name"] == "iris"
    assert json.loads(document["policies"][0]["content"])["Version"] == "2012-10-17"


def test_the_keys_of_the_server_are_where_it_looks_for_them() -> None:
    parsed = tomllib.loads(security_toml("ab" * 32, "volume", "filer"))
    assert parsed == {
        "s3": {"sse": {"kek": "ab" * 32}},
        "jwt": {"signing": {"key": "volume"}, "filer_signing": {"key": "filer"}},
    }


def test_clients_get_an_ordinary_credentials_file() -> None:
    text = shared_credentials(KEYS)
    assert text == "[default]\naws_access_key_id = AKIA\naws_secret_access_key = hidden\n"


def test_only_the_s3_gateway_listens_beyond_the_pod() -> None:
    command = server_command("512Mi")
    assert "-ip.bind=127.0.0.1" in command
    assert [option for option in command if "0.0.0.0" in option] == ["-s3.ip.bind=0.0.0.0"]
    assert "-master.telemetry=false" in command


def test_the_contract_names_the_secret_of_each_consumer_that_has_buckets() -> None:
    consumers = {"iris": IRIS, "airflow": Consumer(buckets={}, database=True)}
    store = object_store("storage", "local-storage", NAMES, consumers)
    assert store.endpoint == "http://storage.local-storage.svc.cluster.local:8333"
    assert store.credentials == {"iris": "s3-credentials"}

"""What the emulated provider makes of inputs before it asks the account anything."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from embedded.providers.aws import account
from embedded.providers.aws.account import Account, require_loopback
from embedded.providers.aws.hooks.buckets import bucket_parts
from embedded.providers.aws.provider import Aws
from embedded.providers.aws.resource import Live
from embedded.providers.aws.table import entry_of
from embedded.providers.base import UNKNOWN, Change, Object, ProviderError, Resource, Secret

VPC = "aws:ec2/vpc:Vpc"
BUCKET = "aws:s3/bucket:Bucket"
RECORDED = "aws:sagemaker/domain:Domain"
ROLE = "aws:iam/role:Role"
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"]}]}'


def resource(type: str, last: Object | None = None, name: str = "web") -> Resource:
    return Resource(f"urn:pulumi:dev::small::{type}::{name}", type, name, last or {})


def checked(type: str, inputs: Object, last: Object | None = None) -> Object:
    return Aws().check(resource(type, last), inputs).inputs


def refused(type: str, inputs: Object) -> list[str]:
    return [failure.reason for failure in Aws().check(resource(type), inputs).failures]


def changed(type: str, old: Object, new: Object) -> dict[str, Change]:
    provider = Aws()
    before = provider.check(resource(type), old).inputs
    after = provider.check(resource(type, before), new).inputs
    return provider.diff(resource(type), before, before, after).changes


ACCEPTED: list[tuple[str, Object]] = [
    (VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}}),
    (VPC, {"cidrBlock": UNKNOWN}),
    (ROLE, {"assumeRolePolicy": TRUST, "maxSessionDuration": 7200}),
    ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 0}),
    ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": "30"}),
    ("aws:ec2/launchTemplate:LaunchTemplate", {"ebsOptimized": "true", "metadataOptions": {"httpTokens": "required"}}),
]


@pytest.mark.parametrize(("type", "inputs"), ACCEPTED)
def test_what_aws_takes_is_accepted(type: str, inputs: Object) -> None:
    assert refused(type, inputs) == []


REFUSED: list[tuple[str, Object, str]] = [
    (VPC, {"cidrBlok": "10.0.0.0/16"}, "cidrBlok: no such input; did you mean cidrBlock?"),
    (VPC, {"enableDnsSupport": "often"}, "enableDnsSupport: 'often' is a str; expected a boolean"),
    ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/24"}, "vpcId: missing; it is required"),
    ("aws:kms/key:Key", {"deletionWindowInDays": 3}, "deletionWindowInDays: 3 is out of range; 7 to 30 allowed"),
    ("aws:kms/key:Key", {"keyUsage": "ANYTHING"}, "keyUsage: 'ANYTHING' is not among "),
    ("aws:kms/alias:Alias", {"name": "no-prefix", "targetKeyId": "k"}, "name: 'no-prefix' does not match ^(alias/)"),
    ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 31}, "retentionInDays: 31 is not among 0, 1, 3"),
    (RECORDED, {"authMode": "NONE"}, "authMode: 'NONE' is not among "),
    (RECORDED, {"authMod": "IAM"}, "authMod: no such input; did you mean authMode?"),
    (RECORDED, {"authMode": "IAM"}, "vpcId: missing; it is required"),
    (
        ROLE,
        {"assumeRolePolicy": TRUST, "maxSessionDuration": 60},
        "maxSessionDuration: 60 is out of range; 3600 to 43200",
    ),
    (BUCKET, {"bucket": "Bad_Name"}, "bucket: 'Bad_Name' does not match"),
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"bucket": "b", "rules": [{"id": "x", "status": "On"}]},
        "rules[0].status: 'On' is not among Enabled, Disabled",
    ),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "b", "versioningConfiguration": {"status": "Enable"}},
        "versioningConfiguration.status: 'Enable' is not among Enabled, Suspended",
    ),
    (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"metadataOptions": {"httpTokens": "some"}},
        "metadataOptions.httpTokens: 'some' is not among optional, required",
    ),
]


@pytest.mark.parametrize(("type", "inputs", "reason"), REFUSED)
def test_a_refusal_names_the_path_the_value_and_what_is_allowed(type: str, inputs: Object, reason: str) -> None:
    assert [found for found in refused(type, inputs) if reason in found], refused(type, inputs)


def test_a_refusal_does_not_show_a_secret() -> None:
    (reason,) = refused("aws:kms/key:Key", {"description": Secret("x" * 9000)})
    assert reason == "description: the secret value is not allowed here"


def test_a_name_is_made_kept_and_made_anew_for_a_replacement() -> None:
    provider = Aws()
    first = provider.check(resource(ROLE), {"assumeRolePolicy": TRUST}).inputs
    assert str(first["name"]).startswith("web-")
    kept = provider.check(resource(ROLE, first), {"assumeRolePolicy": TRUST, "description": "d"}).inputs
    assert kept["name"] == first["name"]
    replacing = provider.check(resource(ROLE), {"assumeRolePolicy": TRUST}).inputs
    assert replacing["name"] != first["name"]


def test_another_run_asks_for_the_same_name() -> None:
    assert checked(BUCKET, {})["bucket"] == checked(BUCKET, {})["bucket"]


def test_a_prefix_begins_the_name_and_default_tags_are_added() -> None:
    provider = Aws()
    provider.configure({"region": "eu-west-1", "defaultTags": '{"tags": {"owner": "team", "a": "0"}}'})
    inputs = provider.check(resource(ROLE), {"assumeRolePolicy": TRUST, "namePrefix": "ci-", "tags": {"a": "1"}}).inputs
    assert str(inputs["name"]).startswith("ci-")
    assert inputs["tagsAll"] == {"owner": "team", "a": "1"}
    assert provider.account.region == "eu-west-1"


CHANGES: list[tuple[str, Object, Object, dict[str, Change]]] = [
    (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, {"cidrBlock": Change.UPDATE_REPLACE}),
    (VPC, {"enableDnsHostnames": False}, {"enableDnsHostnames": True}, {"enableDnsHostnames": Change.UPDATE}),
    (VPC, {}, {"tags": {"a": "b"}}, {"tags": Change.UPDATE, "tagsAll": Change.UPDATE}),
    (ROLE, {"assumeRolePolicy": TRUST}, {"assumeRolePolicy": TRUST.replace(" ", "")}, {}),
    (ROLE, {"assumeRolePolicy": TRUST, "path": "/a/"}, {"assumeRolePolicy": TRUST}, {"path": Change.UPDATE_REPLACE}),
    ("aws:kms/key:Key", {"multiRegion": False}, {"multiRegion": True}, {"multiRegion": Change.UPDATE_REPLACE}),
    (
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        {"vpcId": "v", "serviceName": "s", "subnetIds": ["a", "b"]},
        {"vpcId": "v", "serviceName": "s", "subnetIds": ["b", "a"]},
        {},
    ),
    (RECORDED, {"domainName": "a"}, {"domainName": "b"}, {"domainName": Change.UPDATE_REPLACE}),
    (RECORDED, {"appNetworkAccessType": "VpcOnly"}, {}, {"appNetworkAccessType": Change.UPDATE}),
    # AWS chose a zone; a program that no longer names one keeps it.
    ("aws:ec2/subnet:Subnet", {"vpcId": "v", "availabilityZone": "a"}, {"vpcId": "v"}, {}),
]


@pytest.mark.parametrize(("type", "old", "new", "expected"), CHANGES)
def test_a_change_is_made_in_place_or_replaces(
    type: str, old: Object, new: Object, expected: dict[str, Change]
) -> None:
    assert changed(type, old, new) == expected


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "http://localhost:1", "http://[::1]:5000"])
def test_an_address_on_this_machine_is_taken(url: str) -> None:
    assert require_loopback(url) == url


@pytest.mark.parametrize("url", ["", "https://192.0.2.1", "http://0.0.0.0:5000", "ec2.amazonaws.invalid"])
def test_any_other_address_is_refused_whatever_the_credentials(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    with pytest.raises(ProviderError, match=r"loopback|does not resolve"):
        Account(endpoint=url).call("sts", "get_caller_identity", {})


KEYS = "[base]\naws_access_key_id = AKIAREAL\naws_secret_access_key = secret\n"
PROFILES = """
[profile role]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = base
[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = deployer
"""


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"},
        {"AWS_PROFILE": "role"},
        {"AWS_SHARED_CREDENTIALS_FILE": "keys"},
        {"AWS_SHARED_CREDENTIALS_FILE": "keys", "AWS_PROFILE": "base"},
        {"AWS_SHARED_CREDENTIALS_FILE": "keys", "AWS_PROFILE": "role"},
        {"AWS_SHARED_CREDENTIALS_FILE": "keys", "AWS_PROFILE": "sso"},
        {
            "AWS_SHARED_CREDENTIALS_FILE": "keys",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deployer",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "keys",
        },
        {"AWS_SHARED_CREDENTIALS_FILE": "keys", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/keys"},
        {"AWS_DEFAULTS_MODE": "auto"},
        {"HTTP_PROXY": "http://192.0.2.1:3128", "AWS_ENDPOINT_URL_STS": "https://192.0.2.1"},
    ],
    ids=str,
)
def test_nothing_but_loopback_is_asked_for_keys_either(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "keys").write_text(KEYS)
    (tmp_path / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value) if value == "keys" else value)
    asked = list[str]()

    def find(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        if host != "127.0.0.1":
            raise OSError(f"{host} is asked")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    monkeypatch.setattr(account, "RETRIES", 1)
    with pytest.raises(ProviderError, match=r"Could not connect to the endpoint URL: .http://127\.0\.0\.1:9/"):
        Account(endpoint="http://127.0.0.1:9").call("sts", "get_caller_identity", {})
    assert set(asked) == {"127.0.0.1"}


def test_a_type_that_the_sdk_does_not_have_is_refused() -> None:
    with pytest.raises(ProviderError, match="pulumi_aws has no type aws:sagemaker/palace:Palace"):
        checked("aws:sagemaker/palace:Palace", {})


def test_a_policy_document_is_written_from_statements() -> None:
    statement: Any = {
        "sid": "read",
        "actions": ["s3:GetObject"],
        "resources": ["b", "a"],
        "principals": [{"type": "AWS", "identifiers": ["*"]}],
        "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
    }
    found = Aws().invoke("aws:iam/getPolicyDocument:getPolicyDocument", {"statements": [statement]})
    assert found["minifiedJson"] == (
        '{"Version":"2012-10-17","Statement":[{"Sid":"read","Effect":"Allow","Action":"s3:GetObject",'
        '"Resource":["a","b"],"Principal":{"AWS":"*"},"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}'
    )
    assert found["id"] == "484347162"  # whatever process asks: an output of it would change with each preview


def test_an_answers_switch_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK takes an answer with booleans alone, and gives back what the program asked with."""
    asked: list[Object] = []

    def call(_: Account, __: str, ___: str, parameters: Object, ____: str = "") -> Object:
        asked.append(parameters)
        return {"Images": [{"ImageId": "ami-1"}, {"ImageId": "ami-2", "CreationDate": "2026"}]}

    monkeypatch.setattr(Account, "call", call)
    found = Aws().invoke("aws:ec2/getAmi:getAmi", {"mostRecent": "true", "owners": ["amazon"]})
    assert (found["id"], found["mostRecent"]) == ("ami-2", True)
    assert asked == [{"Owners": ["amazon"]}]


BUCKET_PARTS: list[tuple[Object, list[tuple[str, Object]]]] = [
    (
        {"versioning": {"enabled": True}},
        [("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}})],
    ),
    (
        {"websites": [{"redirectAllRequestsTo": "https://example.com"}]},
        [
            (
                "put_bucket_website",
                {
                    "WebsiteConfiguration": {
                        "RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"},
                    }
                },
            )
        ],
    ),
    (
        {"loggings": [{"targetBucket": "logs"}]},
        [
            (
                "put_bucket_logging",
                {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}}},
            )
        ],
    ),
    ({"policy": {"Version": "2012-10-17"}}, [("put_bucket_policy", {"Policy": '{"Version": "2012-10-17"}'})]),
    ({}, []),
]


@pytest.mark.parametrize(("values", "expected"), BUCKET_PARTS)
def test_what_a_bucket_itself_sets_is_asked_for_as_its_own_resource_would(
    values: Object, expected: list[tuple[str, Object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, Object]] = []

    def call(_: Account, __: str, name: str, parameters: Object, ___: str = "") -> Object:
        calls.append((name, {key: value for key, value in parameters.items() if key != "Bucket"}))
        return {}

    monkeypatch.setattr(Account, "call", call)
    bucket_parts(Live(Account(), entry_of(BUCKET), values, "b"))
    assert calls == expected

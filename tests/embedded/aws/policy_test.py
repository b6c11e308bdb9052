"""What policies allow, by IAM's rules: "Policy evaluation logic" in the IAM user guide."""

import json
from typing import Any

import pytest

from embedded.aws.policy import allowed, trusted
from modules.core.aws import TokenIssuer, token_trust
from modules.core.contracts import Grant
from modules.core.grants import object_statements

BUCKET = "arn:aws:s3:::mine"
DECLARED: dict[str, Any] = {"Statement": object_statements(BUCKET, Grant(read=["seen/"], write=["raw/"]))}
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/1"
TRUST = token_trust(TokenIssuer(provider=PROVIDER, url="oidc.example/id/1"), "mlflow", "server")


@pytest.mark.parametrize(
    ("action", "resource", "prefix", "answer"),
    [
        ("s3:GetObject", f"{BUCKET}/raw/a", None, True),
        ("s3:PutObject", f"{BUCKET}/raw/a", None, True),
        ("s3:GetObject", f"{BUCKET}/seen/a", None, True),
        ("s3:PutObject", f"{BUCKET}/seen/a", None, False),
        ("s3:GetObject", f"{BUCKET}/rawer", None, False),
        ("s3:GetObject", "arn:aws:s3:::other/raw/a", None, False),
        ("s3:DeleteObjectVersion", f"{BUCKET}/raw/a", None, False),
        ("s3:ListBucket", BUCKET, "raw/a", True),
        ("s3:ListBucket", BUCKET, "", False),
        ("s3:ListBucket", BUCKET, None, False),
    ],
)
def test_a_role_may_do_what_was_declared_and_nothing_else(
    action: str, resource: str, prefix: str | None, answer: bool
) -> None:
    context = {} if prefix is None else {"s3:prefix": [prefix]}
    assert allowed([DECLARED], action, resource, context) is answer


def statement(effect: str, **other: Any) -> dict[str, Any]:
    return {"Statement": {"Effect": effect, "Action": "s3:*", "Resource": "*", **other}}


def test_what_one_policy_denies_no_other_allows() -> None:
    everything = statement("Allow")
    assert allowed([everything], "S3:getobject", BUCKET, {})
    assert not allowed([everything, statement("Deny", Action="s3:Get*")], "s3:GetObject", BUCKET, {})
    assert not allowed([statement("Allow", NotAction="s3:Get*")], "s3:GetObject", BUCKET, {})
    assert not allowed([], "s3:GetObject", BUCKET, {})
    plain = statement("Deny", Condition={"Bool": {"aws:SecureTransport": False}})
    assert allowed([everything, plain], "s3:GetObject", BUCKET, {"aws:SecureTransport": ["true"]})
    assert not allowed([everything, plain], "s3:GetObject", BUCKET, {"aws:SecureTransport": ["false"]})


@pytest.mark.parametrize(
    ("condition", "values", "answer"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, ["b"], True),
        ({"StringEquals": {"k": "a*"}}, ["ab"], False),
        ({"StringLike": {"k": "a?*"}}, ["ab"], True),
        ({"StringNotEquals": {"k": "a"}}, ["a"], False),
        ({"StringNotEquals": {"k": "a"}}, None, True),
        ({"StringEqualsIfExists": {"k": "a"}}, None, True),
        ({"StringEquals": {"k": "a"}}, None, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, ["a", "c"], False),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, ["a", "c"], True),
        ({"Null": {"k": "true"}}, None, True),
        ({"Null": {"k": "true"}}, ["a"], False),
        ({"NumericLessThan": {"k": "5"}}, ["1"], False),
    ],
)
def test_conditions_are_those_of_iam_and_one_that_is_not_known_never_holds(
    condition: dict[str, Any], values: list[str] | None, answer: bool
) -> None:
    context = {} if values is None else {"k": values}
    assert allowed([statement("Allow", Condition=condition)], "s3:GetObject", BUCKET, context) is answer


def test_where_nobody_knows_the_resource_the_action_decides() -> None:
    some = statement(
        "Allow", Action="ec2:RunInstances", Resource="arn:aws:ec2:*", Condition={"StringEquals": {"k": "a"}}
    )
    assert allowed([some], "ec2:RunInstances", None, None)
    assert not allowed([some], "ec2:TerminateInstances", None, None)


@pytest.mark.parametrize(
    ("provider", "account", "audience", "answer"),
    [
        (PROVIDER, "mlflow:server", "sts.amazonaws.com", True),
        (PROVIDER, "mlflow:other", "sts.amazonaws.com", False),
        (PROVIDER, "mlflow:server", "kubernetes", False),
        (f"{PROVIDER}2", "mlflow:server", "sts.amazonaws.com", False),
    ],
)
def test_a_role_trusts_one_service_account_of_one_cluster(
    provider: str, account: str, audience: str, answer: bool
) -> None:
    context = {"oidc.example/id/1:sub": [f"system:serviceaccount:{account}"], "oidc.example/id/1:aud": [audience]}
    document: dict[str, Any] = json.loads(TRUST)
    assert trusted(document, "sts:AssumeRoleWithWebIdentity", provider, context) is answer
    assert not trusted(document, "sts:AssumeRole", provider, context)

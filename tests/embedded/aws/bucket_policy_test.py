"""What a bucket's policy says of a request, conditions included."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from moto.iam.access_control import PermissionResult

from embedded.aws.extension.s3 import permission

ARN = "arn:aws:s3:::raw"


def said(action: str, *statements: dict[str, Any]) -> PermissionResult:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}).encode() if statements else None
    return permission(SimpleNamespace(policy=policy), action, f"{ARN}/key")


def deny(**condition: Any) -> dict[str, Any]:
    found = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}
    return {**found, **({"Condition": condition} if condition else {})}


READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}


@pytest.mark.parametrize(
    ("statements", "result"),
    [
        ([], PermissionResult.NEUTRAL),
        ([deny(Bool={"aws:SecureTransport": "false"})], PermissionResult.NEUTRAL),
        ([deny(Bool={"aws:SecureTransport": "true"})], PermissionResult.DENIED),
        ([deny()], PermissionResult.DENIED),
        ([READ], PermissionResult.PERMITTED),
        ([READ, deny()], PermissionResult.DENIED),
        ([{**READ, "Principal": {"Service": "logging.s3.amazonaws.com"}}], PermissionResult.NEUTRAL),
    ],
)
def test_a_policy_denies_where_its_condition_holds_and_there_alone(
    statements: list[dict[str, Any]], result: PermissionResult
) -> None:
    assert said("s3:GetObject", *statements) is result


def test_what_a_policy_allows_is_the_action_that_it_names() -> None:
    assert said("s3:PutObject", READ) is PermissionResult.NEUTRAL

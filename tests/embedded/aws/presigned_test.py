"""What is wrong with a presigned request, whoever signed it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from embedded.aws.extension.authorization import answered
from embedded.aws.extension.presigned import MARK, find_fault, take

HOST = "bucket.s3.eu-west-1.amazonaws.com"
SIGNED_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
RIGHT = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA/20261130/eu-west-1/s3/aws4_request",
    "X-Amz-Date": "20261130T120000Z",
    "X-Amz-Expires": "3600",
    "X-Amz-SignedHeaders": "host;x-amz-acl",
    "X-Amz-Signature": "0" * 64,
}
WEEK = 7 * 24 * 3600
MALFORMED = "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    ("changed", "after"),
    [
        ({}, timedelta(0)),
        ({}, timedelta(hours=1)),
        ({}, timedelta(minutes=-15)),
        ({"X-Amz-Expires": str(WEEK)}, timedelta(seconds=WEEK)),
        ({"X-Amz-Expires": "0"}, timedelta(0)),
    ],
)
def test_what_was_signed_for_a_week_at_most_is_right_until_it_expires(
    changed: dict[str, str], after: timedelta
) -> None:
    assert find_fault({**RIGHT, **changed}, HOST, {"host", "user-agent"}, SIGNED_AT + after) is None


WRONG: list[tuple[dict[str, str], timedelta, str, str]] = [
    ({}, timedelta(hours=1, seconds=1), "AccessDenied", "Request has expired"),
    ({"X-Amz-Expires": str(WEEK)}, timedelta(seconds=WEEK + 1), "AccessDenied", "Request has expired"),
    ({}, timedelta(minutes=-16), "AccessDenied", "Request is not valid yet"),
    ({"X-Amz-Expires": str(WEEK + 1)}, timedelta(0), MALFORMED, "X-Amz-Expires must be less than a week"),
    ({"X-Amz-Expires": "9" * 30}, timedelta(0), MALFORMED, "X-Amz-Expires should be a number"),
    ({"X-Amz-Expires": "soon"}, timedelta(0), MALFORMED, "X-Amz-Expires should be a number"),
    ({"X-Amz-Expires": "-1"}, timedelta(0), MALFORMED, "X-Amz-Expires must be non-negative"),
    ({"X-Amz-Date": "30 November"}, timedelta(0), MALFORMED, "X-Amz-Date must be in the ISO8601 Long Format"),
    (
        {"X-Amz-Credential": "AKIA/20261129/eu-west-1/s3/aws4_request"},
        timedelta(0),
        MALFORMED,
        'Error parsing the X-Amz-Credential parameter; incorrect date "20261129"',
    ),
    (
        {"X-Amz-Credential": "AKIA/20261130/us-east-1/s3/aws4_request"},
        timedelta(0),
        MALFORMED,
        "Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
    ),
    ({"X-Amz-SignedHeaders": "x-amz-acl"}, timedelta(0), "AccessDenied", "There were headers present in the request"),
    ({"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}, timedelta(0), MALFORMED, "Query-string authentication version 4"),
    *(
        ({name: ""}, timedelta(0), MALFORMED, "Query-string authentication version 4 requires the X-Amz-Algorithm, ")
        for name in RIGHT
    ),
]


@pytest.mark.parametrize(("changed", "after", "code", "message"), WRONG)
def test_what_is_wrong_is_named_as_aws_names_it(
    changed: dict[str, str], after: timedelta, code: str, message: str
) -> None:
    fault = find_fault({**RIGHT, **changed}, HOST, {"host"}, SIGNED_AT + after)
    assert fault is not None
    assert (fault[0], fault[1][: len(message)]) == (code, message)


def test_headers_that_change_what_is_asked_are_signed() -> None:
    assert find_fault(RIGHT, HOST, {"host", "x-amz-acl"}, SIGNED_AT) is None
    fault = find_fault(RIGHT, HOST, {"host", "x-amz-copy-source"}, SIGNED_AT)
    assert fault == ("AccessDenied", "There were headers present in the request which were not signed")


@pytest.mark.parametrize("host", ["bucket.s3.amazonaws.com", "iam.amazonaws.com"])
def test_hosts_of_no_region_are_of_all(host: str) -> None:
    assert find_fault(RIGHT, host, {"host"}, SIGNED_AT) is None


def request(service: str, **headers: str) -> dict[str, Any]:
    credential = f"AKIA%2F20261130%2Feu-west-1%2F{service}%2Faws4_request"
    query = f"X-Amz-Credential={credential}&X-Amz-Security-Token=t%2Bk&X-Amz-Signature=0"
    return {"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket/key", "QUERY_STRING": query, **headers}


def test_the_account_reads_who_signed_in_headers() -> None:
    environ = request("s3", HTTP_HOST=HOST, HTTP_X_AMZ_SECURITY_TOKEN="another")
    take(environ)
    assert answered(environ)
    assert environ["HTTP_X_AMZ_SECURITY_TOKEN"] == "t+k"
    assert environ[MARK] == {"host", "x-amz-security-token"}


@pytest.mark.parametrize(
    "environ",
    [
        request("organizations"),
        request("s3%2F..%2Fs3"),
        request("s3", HTTP_AUTHORIZATION="AWS4-HMAC-SHA256 Credential=AKIA/20261130/eu-west-1/s3/aws4_request, a"),
        {**request("s3"), "PATH_INFO": "/moto-api/reset"},
        {**request("s3"), "QUERY_STRING": "X-Amz-Signature=0"},
        {**request("s3"), "QUERY_STRING": "AWSAccessKeyId=AKIA&Signature=0&Expires=1796052343"},
    ],
)
def test_what_is_signed_for_nothing_that_pods_reach_is_not_answered(environ: dict[str, Any]) -> None:
    take(environ)
    assert not answered(environ)

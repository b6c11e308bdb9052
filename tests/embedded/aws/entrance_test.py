"""The way of pods into the account. tests/embedded/providers/aws/eks_test.py goes it."""

from typing import Any

import pytest

from embedded.aws.entrance import address, host_names
from embedded.aws.extension.authorization import answered
from embedded.aws.pod_identity import objects


@pytest.mark.parametrize(
    ("subnets", "found"),
    [
        (["10.94.160.0/21", "10.94.168.0/21"], "10.94.167.254"),
        (["10.94.0.0/24", "10.94.168.0/21"], "10.94.175.254"),
        (["10.94.1.0/24"], "10.94.255.250"),
    ],
)
def test_the_account_is_at_an_address_of_a_subnet_that_the_cluster_does_not_use_itself(
    subnets: list[str], found: str
) -> None:
    assert str(address("10.94.0.0/16", subnets)) == found


@pytest.mark.parametrize(
    "name",
    [
        "sts.eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "iam.amazonaws.com",
        "bucket.s3.eu-west-1.amazonaws.com",
        "bucket.s3.amazonaws.com",
        "api.ecr.eu-west-1.amazonaws.com",
    ],
)
def test_its_certificate_is_of_the_names_that_clients_call(name: str) -> None:
    head, _, rest = name.partition(".")
    assert head
    assert {name, f"*.{rest}"} & set(host_names("eu-west-1"))


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20271130/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("method", "path", "authorization", "answer"),
    [
        ("GET", "/bucket/key", SIGNED.format("s3"), True),
        ("POST", "/", SIGNED.format("ec2"), True),
        ("POST", "/", SIGNED.format("glue"), True),
        ("POST", "/", "", True),
        ("GET", "/bucket/key", "", False),
        ("POST", "/", SIGNED.format("organizations"), False),
        ("POST", "/", f"AWS4-HMAC-SHA256 Credential=a/today/r/organizations/x, {SIGNED.format('s3')}", False),
        ("POST", "/", "AWS AKIA:c2lnbmF0dXJl", False),
        ("POST", "/moto-api/reset", SIGNED.format("s3"), False),
        ("GET", "/latest/meta-data/iam/security-credentials/", SIGNED.format("s3"), False),
    ],
)
def test_pods_get_answers_by_a_signature_or_a_token_alone(
    method: str, path: str, authorization: str, answer: bool
) -> None:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_AUTHORIZATION": authorization}
    assert answered(environ) is answer


def test_pods_whose_account_names_a_role_are_given_a_token_for_aws_in_the_region() -> None:
    made: dict[str, Any] = {document["kind"]: document["spec"] for _, document in objects("eu-west-1")}
    policy = made["MutatingAdmissionPolicy"]
    volume, *variables = policy["mutations"]
    assert 'audience: "sts.amazonaws.com"' in volume["jsonPatch"]["expression"]
    assert all("'eu-west-1'" in each["applyConfiguration"]["expression"] for each in variables)
    assert "eks.amazonaws.com/role-arn" in policy["matchConditions"][0]["expression"]
    assert made["MutatingAdmissionPolicyBinding"]["policyName"] == "pod-identity-webhook"

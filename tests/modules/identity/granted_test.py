"""A grant that nobody declared, or a declared one that is missing, ends the program, and so its preview."""

import re
from collections.abc import Callable

import pulumi
import pytest
from pulumi_aws.iam import Role, RoleInlinePolicyArgs, RolePolicyAttachment

from modules.core.aws import AwsAccount, TokenIssuer, allow, policy
from modules.core.labels import Labels
from modules.identity.access import Access
from modules.identity.aws import Roles
from modules.identity.granted_aws import Grants, differences_of
from tests.mocks import declare

READ = allow(["s3:GetObject"], ["arn:aws:s3:::bucket/*"])
DELETE = allow(["s3:DeleteObject"], ["arn:aws:s3:::bucket/*"])
ACCESS = [Access(consumer="iris", namespace="dev-iris", account="iris", role="dev-iris", statements=[READ])]
ADMIN = AwsAccount(partition="aws", id="123456789012", region="eu-west-1").managed_policy("AdministratorAccess")


@pytest.mark.parametrize(
    ("granted", "found"),
    [
        ([("dev-iris", policy(READ))], []),
        ([("dev-iris", policy(READ)), ("cluster", ADMIN)], []),
        ([], ["role dev-iris: s3:GetObject on arn:aws:s3:::bucket/* is declared, but not granted"]),
        (
            [("dev-iris", policy(READ)), ("dev-iris", policy(DELETE))],
            ["role dev-iris: s3:DeleteObject on arn:aws:s3:::bucket/* is granted, but no service or workload declares"],
        ),
        (
            [("dev-iris", policy(READ)), ("dev-iris", ADMIN)],
            ["role dev-iris: arn:aws:iam::aws:policy/AdministratorAccess is attached, but no service or workload"],
        ),
    ],
)
def test_what_is_granted_is_held_to_what_is_declared(granted: list[tuple[str, str]], found: list[str]) -> None:
    lines = differences_of(ACCESS, granted)
    assert len(lines) == len(found)
    assert all(line.startswith(expected) for line, expected in zip(lines, found, strict=True))


def attach(opts: pulumi.ResourceOptions) -> None:
    """Attach a policy to a role of somebody else's."""
    RolePolicyAttachment("other", role="dev-iris", policy_arn=ADMIN, opts=opts)


def nothing(opts: pulumi.ResourceOptions) -> None:
    """Grant nothing more."""


def program(more: Callable[[pulumi.ResourceOptions], object]) -> Callable[[], None]:
    def run() -> None:
        labels, grants = Labels(environment="dev", owner="team"), Grants()
        opts = pulumi.ResourceOptions(transformations=[grants.note])
        issuer = TokenIssuer(provider="arn:aws:iam::123456789012:oidc-provider/one", url="oidc.example/id/1")
        Roles("identity", access=ACCESS, issuer=issuer, tags={}, labels=labels, opts=opts)
        more(opts)
        grants.require(ACCESS)

    return run


def managed(opts: pulumi.ResourceOptions) -> None:
    """Make a role that has a policy of AWS's itself, of the name of an account's."""
    Role("own", name="dev-iris", assume_role_policy="{}", managed_policy_arns=[ADMIN], opts=opts)


def inline(opts: pulumi.ResourceOptions) -> None:
    """The same with one of its own."""
    policies = [RoleInlinePolicyArgs(name="more", policy=policy(DELETE))]
    Role("own", name="dev-iris", assume_role_policy="{}", inline_policies=policies, opts=opts)


@pytest.mark.parametrize(
    ("more", "line"),
    [(managed, "AdministratorAccess is attached"), (inline, "s3:DeleteObject on arn:aws:s3:::bucket/* is granted")],
)
def test_a_role_that_has_more_policies_itself_ends_the_program_too(
    more: Callable[[pulumi.ResourceOptions], object], line: str
) -> None:
    with pytest.raises(pulumi.RunError, match=re.escape(line)):
        declare(program(more))


def test_a_program_that_grants_what_is_declared_runs() -> None:
    recorder, _ = declare(program(nothing))
    assert [each.name for each in recorder.declared if each.type.endswith(":RolePolicy")] == ["identity-dev-iris"]


def test_a_program_that_grants_more_ends_with_the_role_and_the_policy() -> None:
    with pytest.raises(pulumi.RunError) as ended:
        declare(program(attach))
    assert "role dev-iris: arn:aws:iam::aws:policy/AdministratorAccess is attached" in str(ended.value)
    assert "take the grant away" in str(ended.value)

"""A call that AWS carried out and answered with an error is asked again and is done; what is gone is deleted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.providers.aws.account import Account
from embedded.providers.aws.provider import Aws as Emulated
from embedded.providers.base import Created, Object, ProviderError, Resource
from tests.processes import serving
from tests.scripts.cli.fakes import always

from .conftest import clients
from .search import Aws, left

TRUST = '{"Version": "2012-10-17", "Statement": []}'
READ, VIEW = (f"arn:aws:iam::aws:policy/{name}" for name in ("ReadOnlyAccess", "job-function/ViewOnlyAccess"))
ALLOWED = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
EVERYWHERE: Object = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
GROUP: Object = {"name": "again", "description": "again"}
BUDGET: Object = {"name": "again", "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "10", "limitUnit": "USD"}
ALARM: Object = {
    "comparisonOperator": "GREATER_THAN",
    "notificationType": "ACTUAL",
    "threshold": 80,
    "thresholdType": "PERCENTAGE",
    "subscriberEmailAddresses": ["somebody@example.org"],
}


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    """Of an account that fails once in each call, and of the same account without faults."""
    with serving(str(Path(__file__).parent / "faulty.py"), "first") as found:
        yield found


@pytest.fixture
def faulty(addresses: list[str]) -> str:
    return addresses[0]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK does not pause before it asks again."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", always(0))


@pytest.fixture
def vpcs(addresses: list[str]) -> Iterator[list[str]]:
    ec2 = clients(addresses[1])("ec2")
    made = [ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (91, 92)]
    yield made
    for vpc in made:
        ec2.delete_vpc(VpcId=vpc)


class Run:
    def __init__(self, address: str, type: str, name: str = "it") -> None:
        self.provider = Emulated(Account(endpoint=address))
        self.resource = Resource(f"urn:pulumi:again::small::{type}::{name}", type, name)

    def checked(self, inputs: Object) -> Object:
        checked = self.provider.check(self.resource, inputs)
        assert not checked.failures
        return checked.inputs

    def create(self, inputs: Object) -> Created:
        return self.provider.create(self.resource, self.checked(inputs), preview=False)

    def update(self, made: Created, inputs: Object) -> Object:
        new = self.checked(inputs)
        return self.provider.update(self.resource, made.id, state=made.properties, new=new, preview=False)

    def delete(self, made: Created, state: Object | None = None) -> None:
        self.provider.delete(self.resource, made.id, state or made.properties)


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, {"egress": [EVERYWHERE]}), ({"ingress": [EVERYWHERE]}, {"ingress": []})],
)
def test_rules_of_a_security_group_are_changed(faulty: str, vpcs: list[str], before: Object, after: Object) -> None:
    run = Run(faulty, "aws:ec2/securityGroup:SecurityGroup")
    made = run.create({**GROUP, **before, "vpcId": vpcs[0]})
    state = run.update(made, {**GROUP, **after, "vpcId": vpcs[0]})
    ((changed, rules),) = after.items()
    assert len(state[changed] or ()) == len(rules)
    run.delete(made, state)


def test_a_gateway_is_attached_moved_and_detached(faulty: str, vpcs: list[str]) -> None:
    run = Run(faulty, "aws:ec2/internetGateway:InternetGateway")
    made = run.create({"vpcId": vpcs[0]})
    assert made.properties["vpcId"] == vpcs[0]
    state = run.update(made, {"vpcId": vpcs[1]})
    assert state["vpcId"] == vpcs[1]
    run.delete(made, state)


def test_routes_of_a_table_are_changed(faulty: str, vpcs: list[str]) -> None:
    gateway, table = (
        Run(faulty, f"aws:ec2/{name[:1].lower()}{name[1:]}:{name}") for name in ("InternetGateway", "RouteTable")
    )
    led = gateway.create({"vpcId": vpcs[0]})
    to_it = [{"cidrBlock": range, "gatewayId": led.id} for range in ("10.1.0.0/16", "10.2.0.0/16")]
    made = table.create({"vpcId": vpcs[0], "routes": to_it[:1]})
    state = table.update(made, {"vpcId": vpcs[0], "routes": to_it[1:]})
    assert [route["cidrBlock"] for route in state["routes"]] == ["10.2.0.0/16"]
    table.delete(made, state)
    gateway.delete(led)


@pytest.mark.parametrize(
    ("type", "before", "after", "changed"),
    [
        ("aws:iam/role:Role", {"managedPolicyArns": [READ]}, {"managedPolicyArns": [VIEW]}, "managedPolicyArns"),
        ("aws:iam/role:Role", {"permissionsBoundary": READ}, {}, "permissionsBoundary"),
        (
            "aws:iam/role:Role",
            {"inlinePolicies": [{"name": "one", "policy": ALLOWED}]},
            {"inlinePolicies": [{"name": "two", "policy": ALLOWED}]},
            "inlinePolicies",
        ),
    ],
)
def test_what_a_role_may_is_changed(faulty: str, type: str, before: Object, after: Object, changed: str) -> None:
    run = Run(faulty, type)
    made = run.create({"name": "again", "assumeRolePolicy": TRUST, **before})
    state = run.update(made, {"name": "again", "assumeRolePolicy": TRUST, **after})
    assert state[changed] == after.get(changed)
    run.delete(made, state)


def test_a_policy_gets_another_document(faulty: str) -> None:
    run = Run(faulty, "aws:iam/policy:Policy")
    made = run.create({"name": "again", "policy": ALLOWED})
    state = run.update(made, {"name": "again", "policy": ALLOWED.replace("*", "s3:*", 1)})
    assert "s3:*" in state["policy"]
    run.delete(made, state)


def test_an_instance_profile_has_its_role_and_then_another_one(faulty: str) -> None:
    roles = {name: Run(faulty, "aws:iam/role:Role", name) for name in ("a", "b")}
    made = {name: role.create({"name": name, "assumeRolePolicy": TRUST}) for name, role in roles.items()}
    run = Run(faulty, "aws:iam/instanceProfile:InstanceProfile")
    profile = run.create({"name": "again", "role": "a"})
    assert profile.properties["role"] == "a"
    state = run.update(profile, {"name": "again", "role": "b"})
    assert state["role"] == "b"
    run.delete(profile, state)
    for name, role in roles.items():
        role.delete(made[name])


def test_alarms_of_a_budget_are_changed(faulty: str) -> None:
    run = Run(faulty, "aws:budgets/budget:Budget")
    made = run.create({**BUDGET, "notifications": [ALARM]})
    state = run.update(made, {**BUDGET, "notifications": [{**ALARM, "threshold": 90}]})
    assert [alarm["threshold"] for alarm in state["notifications"]] == [90]
    run.delete(made, state)


def test_what_was_refused_from_the_first_is_refused(faulty: str) -> None:
    """Only what is done already is no failure."""
    account = Account(endpoint=faulty)
    with pytest.raises(ProviderError, match="NoSuchBucket"):
        account.call(
            "s3", "put_bucket_versioning", {"Bucket": "nowhere", "VersioningConfiguration": {"Status": "Enabled"}}
        )


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("aws:iam/role:Role", {"name": "gone", "assumeRolePolicy": TRUST, "forceDetachPolicies": True}),
        ("aws:iam/policy:Policy", {"name": "gone", "policy": ALLOWED}),
        ("aws:s3/bucket:Bucket", {"bucket": "gone-already", "forceDestroy": True}),
        ("aws:iam/instanceProfile:InstanceProfile", {"name": "gone"}),
    ],
)
def test_what_a_killed_run_has_deleted_is_deleted(account: str, type: str, inputs: Object) -> None:
    run = Run(account, type)
    made = run.create(inputs)
    for _ in range(2):
        run.delete(made)


def test_a_profile_from_which_a_killed_run_has_taken_the_role_is_deleted(account: str, aws: Aws) -> None:
    before = left(aws)
    role, run = Run(account, "aws:iam/role:Role"), Run(account, "aws:iam/instanceProfile:InstanceProfile")
    used = role.create({"name": "taken", "assumeRolePolicy": TRUST})
    made = run.create({"name": "taken", "role": "taken"})
    aws("iam").remove_role_from_instance_profile(InstanceProfileName="taken", RoleName="taken")
    run.delete(made)
    role.delete(used)
    assert left(aws) == before

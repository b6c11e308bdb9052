"""A platform of two stacks by the real engine: on the records of an emulated account, and a bare Kubernetes API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.benchmarks.aws.platform import Platform, platform

from .conftest import clients

FOUNDATION, SERVICES = "aws-dev", "services"
REGION = "eu-west-1"
"""Of the example."""
GROUPS = ("groundwork:workloads", "groundwork:jenkins")
"""Of the example: what the stack of the services says."""


@pytest.fixture(scope="module")
def stacks(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Both stacks, up; the second one is chosen."""
    with platform(FOUNDATION, tmp_path_factory.mktemp("split"), toolchain, {}) as made:
        whole = made.settings
        services = {key: whole.pop(key) for key in GROUPS}
        del whole["groundwork:foundation"]["lake"]  # which two stacks can't have
        whole["groundwork:foundation"]["services_stack"] = SERVICES
        made.write(whole)
        made.run("up", "--yes", "--skip-preview")
        made.write({**services, "groundwork:owner": "ml", "groundwork:protect_data": False} | on(FOUNDATION))
        made.run("stack", "init", SERVICES)
        made.run("up", "--yes", "--skip-preview")
        yield made


def on(stack: str) -> dict[str, object]:
    return {"groundwork:foundation": {"stack": stack}}


def state(made: Platform, stack: str) -> str:
    return made.project.run("stack", "export", "--stack", stack)


def test_a_second_stack_deploys_the_services_and_then_has_nothing_to_change(stacks: Platform) -> None:
    types = [each["type"] for each in stacks.resources()]
    assert "pulumi:pulumi:StackReference" in types
    assert {each for each in types if each.startswith("aws:")} == {"aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"}
    assert "kubernetes:apps/v1:Deployment" in types
    stacks.run("preview", "--expect-no-changes")


def test_roles_of_the_second_stack_are_for_its_accounts_in_the_cluster_of_the_first(stacks: Platform) -> None:
    iam = clients(stacks.project.environment["AWS_ENDPOINT_URL"])("iam")
    role = iam.get_role(RoleName="groundwork-aws-dev-iris-training")["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    issuers = {each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]}
    assert trust["Principal"]["Federated"] in issuers
    (subject,) = [value for key, value in trust["Condition"]["StringEquals"].items() if key.endswith(":sub")]
    assert subject == "system:serviceaccount:aws-dev-iris-training:iris-training"
    assert {each["Key"]: each["Value"] for each in role["Tags"]}["owner"] == "ml"
    assert iam.list_role_policies(RoleName="groundwork-aws-dev-iris-training")["PolicyNames"] == ["declared"]


def test_no_password_is_in_an_output_or_plain_in_a_state(stacks: Platform) -> None:
    secrets = clients(stacks.project.environment["AWS_ENDPOINT_URL"], REGION)("secretsmanager")
    (held,) = secrets.list_secrets()["SecretList"]
    password = json.loads(secrets.get_secret_value(SecretId=held["ARN"])["SecretString"])["password"]
    assert password
    for stack in (FOUNDATION, SERVICES):
        assert password not in state(stacks, stack)


def test_another_stack_than_the_named_one_is_refused(stacks: Platform) -> None:
    stacks.run("stack", "init", "others")
    try:
        output = stacks.project.run("preview", check=False)
        assert "only that stack deploys services on it: set it to 'others' there" in output
    finally:
        stacks.run("stack", "rm", "--yes")
        stacks.run("stack", "select", SERVICES)


def test_the_services_go_and_the_foundation_stays_until_it_goes_too(stacks: Platform) -> None:
    foundation = stacks.project.environment["AWS_ENDPOINT_URL"]
    stacks.run("destroy", "--yes", "--skip-preview")
    assert stacks.resources() == []
    names = [each["RoleName"] for each in clients(foundation)("iam").list_roles()["Roles"]]
    assert not [name for name in names if "iris" in name]
    assert "groundwork-aws-dev-control-plane" in names
    stacks.run("stack", "select", FOUNDATION)
    stacks.run("destroy", "--yes", "--skip-preview")
    assert stacks.resources() == []

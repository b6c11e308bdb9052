"""The emulated account of a stack: who is in it, and what is refused."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.aws.process import AccountServer
from scripts.cli.clients import aws
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import account
from scripts.cli.lifecycle.leftovers.report import account_of, document
from scripts.cli.lifecycle.leftovers.search import leftovers
from tests.scripts.cli.fakes import always, on_aws, quiet, refused, settings, stack

IAM = "arn:aws:iam::123456789012"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of an account without clusters."""
    command = [sys.executable, "-I", "-m", "embedded.aws"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture(autouse=True)
def own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("administrator", "caller"),
    [
        (f"{IAM}:role/teams/deployer", "arn:aws:sts::123456789012:assumed-role/deployer/groundwork"),
        (f"{IAM}:user/jane", f"{IAM}:user/jane"),
    ],
)
def test_who_the_settings_name_is_in_the_account_and_the_first_one_deploys(
    monkeypatch: pytest.MonkeyPatch, address: str, administrator: str, caller: str
) -> None:
    monkeypatch.setattr(AccountServer, "address", address)
    others: dict[str, Any] = {"viewers": [f"{IAM}:role/viewer", "arn:aws:iam::210987654321:role/elsewhere"]}
    environment = stack(monkeypatch, on_aws(cluster={"administrators": [administrator], **others}))
    environment.account.mkdir(parents=True)
    for _ in range(3):  # AWS gives a user two keys at most
        account.log_in(environment)
    assert aws.caller(environment) == ("123456789012", caller)
    names = {role["RoleName"] for role in aws.call(environment, "iam", "list_roles")["Roles"]}
    assert "viewer" in names
    assert "elsewhere" not in names
    assert environment.account_credentials.stat().st_mode & 0o777 == 0o600
    asked = account_of(environment.stack, None)
    found = document(leftovers(asked, environment.stack, patience=0, pause=0), asked)
    assert (found["account"], found["emulated"], found["unread"]) == ("123456789012", True, [])


def test_an_administrator_of_the_account_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = "arn:aws:iam::210987654321:role/deployer"
    environment = stack(monkeypatch, on_aws(cluster={"administrators": [elsewhere]}))
    message = refused(lambda: account.deployer(environment))
    assert message.startswith(f"groundwork:foundation.cluster.administrators is ['{elsewhere}']: none is of account ")


def test_a_stack_is_on_an_emulated_account_or_on_aws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, on_aws())
    account.check_choice(environment, emulated=True)
    account.check_choice(environment, emulated=False)
    monkeypatch.setattr(account.Backend, "resources", always([{"urn": "of a bucket"}]))
    assert "is on an account of AWS itself" in refused(lambda: account.check_choice(environment, emulated=True))
    environment.account.mkdir(parents=True)
    account.check_choice(environment, emulated=True)
    message = refused(lambda: account.check_choice(environment, emulated=False))
    assert message.endswith("run `scripts/up local --emulated`, or end that account first (`scripts/down local`)")


def test_no_other_target_has_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, settings())
    message = refused(lambda: account.check_choice(environment, emulated=True))
    assert message.startswith("--emulated: groundwork:foundation.target is 'embedded' in stacks/Pulumi.local.yaml")


def test_the_state_goes_with_the_account_that_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: Environment = stack(monkeypatch, on_aws())
    checkpoint = account.Backend(environment).checkpoint
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    environment.passphrase.write_text("kept")
    environment.kubeconfig.touch()
    account.forget(environment, quiet)
    assert not checkpoint.exists()
    assert not environment.kubeconfig.exists()
    assert environment.passphrase.exists()

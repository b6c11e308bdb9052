"""The emulated account of a stack: who is in it, and what is refused."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from embedded.aws.process import AccountServer
from scripts.cli.clients import aws
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import account
from scripts.cli.lifecycle.leftovers.report import account_of, document
from scripts.cli.lifecycle.leftovers.search import leftovers
from tests.processes import serving
from tests.scripts.cli.fakes import always, on_aws, quiet, refused, settings, stack

IAM = "arn:aws:iam::123456789012"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of an account without clusters."""
    with serving("-I", "-m", "embedded.aws") as (found,):
        yield found


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


def test_the_state_stays_while_another_command_works_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: Environment = stack(monkeypatch, on_aws())
    checkpoint = account.Backend(environment).checkpoint
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    monkeypatch.setattr(account.Backend, "remove_dead_locks", always([4711]))
    message = refused(lambda: account.forget(environment, quiet))
    assert message.startswith("another run works on stack local (process 4711), whose emulated account has ended: run ")
    assert checkpoint.exists()


WINDOW = 1.0
"""Seconds from when the first command has seen that no account runs, and the second one is there, until it acts."""


def bring_up(home: Path, *, first: bool) -> None:
    """What a command does from the account's start on, in a process of its own: it deploys, and the state has it."""
    running, seen, there = (home / name for name in ("running", "seen", "there"))

    def address(_: object) -> str | None:
        if running.exists():
            return "http://127.0.0.1:1"
        seen.touch()
        wait_for(there)
        time.sleep(WINDOW if first else 2 * WINDOW)
        return None

    def start(*_: object) -> None:
        account.Backend(environment).checkpoint.parent.mkdir(parents=True, exist_ok=True)
        running.touch()

    def deploy(_: object) -> None:
        with account.Backend(environment).checkpoint.open("a") as state:
            state.write("deployed\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home))
        environment = stack(patch, on_aws())
        patch.setattr(AccountServer, "address", property(address))
        patch.setattr(AccountServer, "start", start)
        patch.setattr(account, "log_in", deploy)
        if not first:
            wait_for(seen)
            there.touch()
        account.start(environment, quiet)


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_of_two_that_bring_it_up_at_once_neither_loses_what_it_deployed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as commands:
        for done in [commands.submit(bring_up, tmp_path, first=first) for first in (True, False)]:
            done.result()
    assert account.Backend(stack(monkeypatch, on_aws())).checkpoint.read_text() == "deployed\n" * 2

"""What `down` deletes of a platform on an account of AWS."""

from pathlib import Path

import pytest

from embedded.aws.process import AccountServer
from modules.core.errors import UserError
from scripts.cli.clients import engine
from scripts.cli.lifecycle import down
from scripts.cli.lifecycle.down import Down
from scripts.cli.steps import check_order
from tests.scripts.cli.fakes import always, on_aws, quiet, refused, stack

STATE = [
    {"type": "aws:s3/bucket:Bucket", "id": "groundwork-local-raw"},
    {"type": "aws:ec2/vpc:Vpc", "id": "vpc-1"},
    {"type": "aws:rds/instance:Instance", "id": "groundwork-local"},
]


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(down.Backend, "resources", always(STATE))


def test_what_holds_data_in_an_account_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Down(stack(monkeypatch, on_aws()), purge=False).data()
    assert ("groundwork-local-raw", "bucket") in rows
    assert ("groundwork-local", "database server") in rows
    assert "vpc-1" not in dict(rows)


def test_an_emulated_account_ends_after_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, on_aws())
    assert [step.name for step in Down(environment, purge=False).steps()] == ["destroy", "files"]
    environment.account.mkdir(parents=True)
    steps = Down(environment, purge=False).steps()
    check_order(steps)
    assert [(step.name, step.needs) for step in steps] == [
        ("destroy", ()),
        ("account", ("destroy",)),
        ("files", ("account",)),
    ]


def test_nothing_is_asked_of_an_emulated_account_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, on_aws())
    environment.account.mkdir(parents=True)
    monkeypatch.setattr(engine, "destroy", None)
    monkeypatch.setattr(AccountServer, "pid", None)
    said: list[str] = []
    Down(environment, purge=False).destroy(said.append)
    assert said == ["the emulated account has ended, with all that was in it"]


def test_an_emulated_account_whose_content_can_not_be_destroyed_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, on_aws())
    environment.account.mkdir(parents=True)
    monkeypatch.setattr(AccountServer, "pid", 4711)
    monkeypatch.setattr(AccountServer, "address", "http://127.0.0.1:1")
    monkeypatch.setattr(engine, "unprotect", always(None))

    def fail(*_: object) -> None:
        raise UserError("in use")

    monkeypatch.setattr(engine, "destroy", fail)
    message = refused(lambda: Down(environment, purge=False).destroy(quiet))
    assert message.startswith("in use\nIf it fails again: `kill 4711` ends the emulated account")

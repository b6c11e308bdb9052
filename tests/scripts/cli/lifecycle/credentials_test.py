import json

import pytest

from scripts.cli.clients import kubectl
from scripts.cli.lifecycle import credentials, services
from scripts.cli.lifecycle.services import Service
from tests.scripts.cli.fakes import always, refused, stack
from tests.stacks.foundation.own_data_test import ADMIN, ADMIN_PASSWORD, SECRET, STORE, settings


def service(name: str) -> Service:
    return Service(
        name=name,
        address=f"http://{name}",
        inside=f"http://{name}.local-{name}.svc",
        login="",
        kind="real",
        because=None,
        health="healthy",
        version="1",
    )


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform without Jenkins."""
    stack(monkeypatch)
    monkeypatch.setattr(services, "find", always([service("postgresql"), service("storage")]))
    secret = {"access-key-id": "id", "secret-access-key": "key", "password": "word"}
    monkeypatch.setattr(kubectl, "secret", always(secret))


def test_all_logins_are_those_of_the_services_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    credentials.run("local", None, as_json=True)
    found = {row["service"]: (row["username"], row["password"]) for row in json.loads(capsys.readouterr().out)}
    assert found == {"postgresql": ("postgres", "word"), "storage": ("id", "key")}


def test_one_that_is_asked_for_and_not_there_is_said() -> None:
    assert "service jenkins: it is not there" in refused(lambda: credentials.run("local", "jenkins", as_json=True))


def test_a_service_without_a_login_is_refused_with_those_that_have_one() -> None:
    message = refused(lambda: credentials.run("local", "iris", as_json=True))
    assert "those that have: airflow, jenkins, mlflow, postgresql, storage" in message


def test_what_somebody_else_runs_is_logged_in_to_as_the_stacks_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    stack(monkeypatch, settings(storage=STORE, database=ADMIN, **SECRET, **ADMIN_PASSWORD))
    message = refused(lambda: credentials.run("local", "storage", as_json=True))
    assert "access key is AKIA, whose secret `pulumi config get groundwork:storage_secret_key` prints" in message
    message = refused(lambda: credentials.run("local", "postgresql", as_json=True))
    assert "`pulumi config get --path groundwork:database_passwords.NAME` prints for admin" in message

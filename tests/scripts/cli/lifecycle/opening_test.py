import json
import webbrowser
from dataclasses import replace
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.lifecycle import opening, services
from scripts.cli.lifecycle.opening import Way, chosen, keep, way_to
from scripts.cli.lifecycle.services import Service
from tests.neighbours import CLOUD_ENTRY, ENTRY
from tests.scripts.cli.fakes import always, refused, stack

FORWARDED = replace(ENTRY, forwarded=True)


def service(name: str, address: str | None) -> Service:
    inside = f"postgresql://{name}.team-{name}.svc:5432"
    return Service(
        name=name, address=address, inside=inside, login="", kind="real", because=None, health="healthy", version="1"
    )


MLFLOW = service("mlflow", "https://localhost:8443/mlflow")
DATABASE = service("database", None)


def test_what_is_behind_the_gateway_is_reached_by_a_port_that_leads_to_it() -> None:
    way = way_to(MLFLOW, FORWARDED, "team", None)
    address = "https://localhost:{port}/mlflow"
    assert way == Way(namespace="team-gateway", service="gateway", port=8443, local_port=8443, address=address)


def test_anything_else_by_a_port_of_its_own() -> None:
    way = way_to(DATABASE, FORWARDED, "team", None)
    address = "postgresql://127.0.0.1:{port}"
    assert way == Way(namespace="team-database", service="database", port=5432, local_port=None, address=address)


def test_a_person_may_choose_the_port() -> None:
    found = [way_to(each, FORWARDED, "team", 9443) for each in (MLFLOW, DATABASE)]
    assert [each.local_port for each in found if each] == [9443, 9443]


def test_an_address_that_leads_there_by_itself_needs_no_port() -> None:
    outside = service("mlflow", "https://ml.example/mlflow")
    assert way_to(outside, CLOUD_ENTRY, "team", None) is None
    assert "--port: mlflow needs none" in refused(lambda: way_to(outside, CLOUD_ENTRY, "team", 9443))


def test_a_service_that_is_not_there_is_refused_with_those_that_are() -> None:
    message = refused(lambda: chosen([MLFLOW, DATABASE], "mlflw"))
    assert message == "service: 'mlflw' is not there; did you mean 'mlflow'? allowed: database, mlflow"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was given; the stack is the embedded one."""
    found: list[str] = []
    stack(monkeypatch)
    monkeypatch.setattr(services, "find", always([service("gateway", "https://localhost:8443"), MLFLOW]))
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


def test_where_an_address_leads_there_the_browser_is_opened_and_the_command_ends(
    opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    opening.run("local", None, port=None, browser=True, as_json=False)
    opening.run("local", "mlflow", port=None, browser=True, as_json=False)
    assert opened == ["https://localhost:8443", "https://localhost:8443/mlflow"]
    assert "mlflow: https://localhost:8443/mlflow" in capsys.readouterr().out


def test_a_program_gets_json_and_no_browser(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    opening.run("local", "mlflow", port=None, browser=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["address"] == "https://localhost:8443/mlflow"
    assert opened == []


class FakeForward:
    """kubectl that has ended, or runs until the test ends it."""

    def __init__(self, *, ended: bool) -> None:
        self.ended = ended

    def wait(self) -> None:
        if not self.ended:
            raise KeyboardInterrupt


def test_a_port_leads_on_to_the_next_pod_and_a_reason_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(opening, "PAUSE_SECONDS", 0)
    answers: list[Any] = [UserError("no pod"), UserError("no pod"), FakeForward(ended=False)]

    def again() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, UserError):
            raise answer
        return answer

    gone: Any = FakeForward(ended=True)
    with pytest.raises(KeyboardInterrupt):
        keep(gone, again)
    assert answers == []
    assert capsys.readouterr().err == "no pod\n"

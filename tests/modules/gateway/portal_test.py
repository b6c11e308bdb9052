"""The landing page against servers of the test's own."""

import json
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.gateway.files import portal

POLL_SECONDS = 0.01
"""Between looks of a server whether it shall end: the default of half a second is waited for at each end."""
SERVED = {"workload": "iris", "model": "iris", "release": 2, "version": 3}
LOGIN = "Basic cG9kcy1nYXRld2F5OnNlY3JldA=="
"""pods-gateway:secret"""
BESIDE = {"canary_version": 4, "canary_weight": 10}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Services(BaseHTTPRequestHandler):
    """Well at /well, ill at /ill; MLflow, whose model iris has a champion."""

    def do_GET(self) -> None:
        if "name=" in self.path and self.headers["Authorization"] != LOGIN:
            self._answer(401, {})
        elif "name=iris" in self.path:
            self._answer(200, {"model_version": {"version": "7"}})
        elif "name=" in self.path:
            self._answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        else:
            self._answer(200 if self.path == "/well" else 503, {})

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def services() -> Iterator[str]:
    with serving(Services) as address:
        yield address


@pytest.fixture
def login(tmp_path: Path) -> Path:
    """The folder with the page's login to MLflow."""
    folder = tmp_path / "login"
    folder.mkdir()
    (folder / "username").write_text("pods-gateway")
    (folder / "password").write_text("secret")
    return folder


@contextmanager
def speaking(*parts: bytes, pause: float = 0.0) -> Generator[tuple[str, list[int]]]:
    """(address, connections so far) of a server that says these bytes to whoever comes, slowly, and hangs up."""
    came: list[int] = []

    def answer(connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # whoever came may hang up first
            connection.recv(4096)
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)

    def accept() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:  # the test is over
                return
            came.append(1)
            threading.Thread(target=answer, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)


def document(address: str, **changed: Any) -> dict[str, Any]:
    check = {"name": "mlflow", "title": "Experiments", "login": True, "checks": [f"{address}/well"]}
    return {
        "environment": "local",
        "domain": "localhost",
        "tracking": address,
        "tracking_login": "/absent",
        "services": [check],
        "models": [{**SERVED, **BESIDE}],
        **changed,
    }


def look(document: dict[str, Any]) -> dict[str, Any]:
    return portal.look(document, portal.Questions())


def test_health_and_champion_are_asked_for(services: str, login: Path) -> None:
    status = look(document(services, tracking_login=str(login)))
    assert status["services"] == [{"name": "mlflow", "title": "Experiments", "login": True, "health": "healthy"}]
    assert status["models"][0]["champion"] == "version 7"


def test_what_is_ill_says_how(services: str) -> None:
    checks = {"name": "iris", "title": "", "login": False, "checks": [f"{services}/ill", "http://127.0.0.1:1/"]}
    (found,) = look(document(services, services=[checks]))["services"]
    assert found["health"].startswith("answers 503; does not answer (")


def test_a_service_that_speaks_something_else_than_http_is_ill_and_the_others_are_seen(services: str) -> None:
    with speaking(b"SSH-2.0-OpenSSH_9.2\r\n") as (address, _):
        strange = {"name": "strange", "title": "", "login": False, "checks": [address]}
        status = look(document(services, services=[*document(services)["services"], strange], tracking=address))
    assert [service["health"] for service in status["services"]] == [
        "healthy",
        "does not answer in HTTP (BadStatusLine('SSH-2.0-OpenSSH_9.2\\r\\n'))",
    ]
    assert status["models"][0]["champion"] == "unknown: MLflow does not answer"


def test_a_service_that_never_comes_to_an_end_holds_up_nobody_and_is_asked_once(
    services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "PATIENCE", 1.0)
    questions = portal.Questions()
    with speaking(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 40, pause=0.2) as (address, came):
        slow = {"name": "slow", "title": "", "login": False, "checks": [address]}
        asked = document(services, services=[slow, *document(services)["services"]])
        for _ in range(2):
            found = [service["health"] for service in portal.look(asked, questions)["services"]]
            assert found == ["no answer within 1 s", "healthy"]
        assert len(came) == 1


def test_a_model_without_champion_and_a_silent_mlflow_are_told_apart(services: str, login: Path) -> None:
    assert portal.champion_of("rose", services, login) == "none yet"
    assert portal.champion_of("iris", "http://127.0.0.1:1", login) == "unknown: MLflow does not answer"


def test_mlflow_that_does_not_know_the_pages_login_is_reported(services: str, login: Path) -> None:
    (login / "password").write_text("former")
    assert portal.champion_of("iris", services, login) == "unknown: MLflow answers 401"


def test_the_page_links_to_the_hosts_at_the_port_of_the_browser(services: str, tmp_path: Path) -> None:
    path = tmp_path / "portal.json"
    path.write_text(json.dumps(document(services)))
    with serving(portal.handler(portal.Portal(path))) as address, httpx.Client(base_url=address) as client:
        page = client.get("/", headers={"X-Forwarded-Host": "groundwork.localhost:8443"})
        assert 'href="https://mlflow.localhost:8443/"' in page.text
        assert "version 4, 10% of requests" in page.text
        assert "groundwork credentials mlflow" in page.text
        assert client.get("/status.json").json()["models"][0]["version"] == 3
        assert client.get("/elsewhere").status_code == 404


@pytest.mark.parametrize("host", ["localhost:99999999", "localhost:x", "[", "localhost:1@evil.example", ""])
def test_a_strange_host_is_answered_with_a_page_that_leads_nowhere_else(
    services: str, tmp_path: Path, host: str
) -> None:
    path = tmp_path / "portal.json"
    path.write_text(json.dumps(document(services)))
    with serving(portal.handler(portal.Portal(path))) as address, httpx.Client(base_url=address) as client:
        assert "evil" not in client.get("/", headers={"X-Forwarded-Host": host}).text


def test_what_a_workload_says_of_itself_is_text_and_no_markup(services: str) -> None:
    status = look(document(services, models=[{**SERVED, **BESIDE, "workload": "<script>"}]))
    assert "<script>" not in portal.page(status, "localhost", "")


def test_a_reload_within_seconds_asks_nobody(services: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "portal.json"
    path.write_text(json.dumps(document(services)))
    asked: list[str] = []

    def ask(url: str) -> str:
        asked.append(url)
        return ""

    monkeypatch.setattr(portal, "problem_of", ask)
    page = portal.Portal(path)
    assert page.status() == page.status()
    assert len(asked) == 1

"""What a person's own variables may say, and what they may not."""

import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from typer.testing import CliRunner

from scripts.cli import shell
from scripts.cli.clients import kubectl, store
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import exports
from scripts.cli.main import app
from tests.scripts.cli.fakes import always, refused, settings, stack

DEAD = "http://127.0.0.1:9"
"""A proxy that does not answer."""
NODE, API_SERVICE, POD = "10.80.0.1", "10.80.64.1", "10.80.0.17"
FOREIGN = {
    "AWS_PROFILE": "work",
    "AWS_ENDPOINT_URL": "https://elsewhere.example",
    "AWS_SESSION_TOKEN": "token",
    "KUBERNETES_MASTER": "https://elsewhere.example",
    "MLFLOW_TRACKING_TOKEN": "token",
    "PULUMI_CONFIG_PASSPHRASE": "of another project",
    "PULUMI_K8S_CLIENT_QPS": "1",
    "PYTHONPATH": "/elsewhere",
    "UV_PROJECT_ENVIRONMENT": "/elsewhere",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return stack(monkeypatch)


@pytest.fixture
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, DEAD)
    monkeypatch.setenv("NO_PROXY", "corp.example")
    monkeypatch.delenv("no_proxy", raising=False)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server on 127.0.0.1 that answers everything."""
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_program_that_is_started_gets_none_of_what_would_take_over(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**FOREIGN, "KUBE_EDITOR": "vi", "EDITOR": "vi"}.items():
        monkeypatch.setenv(name, value)
    variables = environment.process_environment()
    assert not FOREIGN.keys() & variables.keys()
    assert (variables["KUBE_EDITOR"], variables["EDITOR"]) == ("vi", "vi")
    assert variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(environment.passphrase)


def test_a_shell_unsets_what_would_take_over_and_nothing_that_is_exported(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kubectl, "secret", always(None))
    exports.run(environment.stack, sorted({**FOREIGN, "KUBECONFIG": "/elsewhere"}))
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("unset ")
    assert set(first.split()) >= FOREIGN.keys()
    assert {"PYTHONHOME", "PYTHONSTARTUP"} <= set(first.split())
    assert "KUBECONFIG" not in first
    assert all(line.startswith("export ") for line in others)
    assert "export AWS_CONFIG_FILE=/dev/null" in others


def test_the_command_hands_what_it_removed_of_its_own_variables_to_the_exports(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    del environment
    monkeypatch.setattr(kubectl, "secret", always(None))
    own = dict(FOREIGN)
    done = CliRunner().invoke(app, ["env"], obj=shell.claim(own))
    assert set(done.stdout.splitlines()[0].split()) >= FOREIGN.keys()
    assert own.keys() == {"HOME"}


def test_a_home_that_nobody_knows_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", always(4_000_000))
    assert "HOME is not set" in refused(lambda: shell.claim({}))


def test_an_unpublished_store_is_said_and_leaves_no_exports_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    environment = stack(monkeypatch, settings(**{"groundwork:storage": {"local_port": None}}))
    monkeypatch.setattr(kubectl, "secret", always(None))
    exports.run(environment.stack)
    printed = capsys.readouterr()
    assert "groundwork:storage.local_port is null in stacks/Pulumi.local.yaml" in printed.err
    assert "AWS_" not in printed.out
    assert "KUBECONFIG" in environment.process_environment()
    assert "give it a port" in refused(lambda: store.store(environment))


@pytest.mark.usefixtures("behind_a_proxy")
def test_no_client_sends_the_environments_own_addresses_to_a_proxy(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    for name, value in environment.variables().items():
        monkeypatch.setenv(name, value)
    direct = ["127.0.0.1", "localhost", "mlflow.localhost", "x.y.svc", "x.y.svc.cluster.local", NODE, API_SERVICE]
    for host in direct:
        assert urllib.request.proxy_bypass(host), host
        assert requests.utils.should_bypass_proxies(f"http://{host}:80/", None), host
    assert requests.utils.should_bypass_proxies(f"http://{POD}:80/", None)
    assert not urllib.request.proxy_bypass("elsewhere.example")
    assert urllib.request.proxy_bypass("corp.example")
    with httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get("http://elsewhere.example/")


@pytest.mark.usefixtures("behind_a_proxy")
def test_the_object_store_is_reached_whatever_a_person_says_of_proxies(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(kubectl, "secret", always({"access-key-id": "key", "secret-access-key": "secret"}))
    environment = stack(monkeypatch, settings(**{"groundwork:storage": {"local_port": port}}))
    assert store.store(environment).list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"NO_PROXY": "", "no_proxy": ""}),
        ({"NO_PROXY": "a"}, {"NO_PROXY": "a,", "no_proxy": "a,"}),
        ({"no_proxy": "b, c"}, {"NO_PROXY": "b,c,", "no_proxy": "b,c,"}),
        ({"NO_PROXY": "a", "no_proxy": "b"}, {"NO_PROXY": "a,", "no_proxy": "b,"}),
        ({"no_grpc_proxy": "d"}, {"NO_PROXY": "", "no_proxy": "", "no_grpc_proxy": "d,"}),
    ],
)
def test_what_a_person_keeps_from_the_proxy_stays_in_front(given: dict[str, str], expected: dict[str, str]) -> None:
    own = "localhost,.localhost,127.0.0.1,.svc,.cluster.local,10.80.0.0/16,10.80.0.1,10.80.64.1"
    found = shell.direct(given, "10.80.0.0/16")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].startswith(value + own)
    assert shell.direct({**given, **found}, "10.80.0.0/16") == found


def test_whoever_uses_no_proxy_for_anything_goes_on_so() -> None:
    assert shell.direct({"NO_PROXY": "*"}, "10.80.0.0/16") == {"NO_PROXY": "*", "no_proxy": "*"}

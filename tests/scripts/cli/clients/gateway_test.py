"""How commands and their shell get in, whatever certificate clients are shown."""

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow.tracking.request_auth.registry import fetch_auth  # pyright: ignore[reportUnknownVariableType]
from requests.auth import HTTPBasicAuth

from modules.core.contracts import Entry, Ingress, Listener
from scripts.cli.clients import gateway, kubectl
from scripts.cli.clients.gateway import Forwarded, ca_certificate, outer_ca_certificate, shown_certificate
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.exports import mlflow_variables
from stacks.configuration import parse
from stacks.settings import PlatformSettings
from tests.neighbours import CLOUD_ENTRY, ENTRY
from tests.scripts.cli.fakes import refused, stack

INSIDE = replace(CLOUD_ENTRY, service_type="ClusterIP", certificate=None)


def behind(certificate: str | None) -> Entry:
    return replace(INSIDE, ingress=Ingress(class_name=None, controller=None, annotations={}, certificate=certificate))


def attached(*, passthrough: bool) -> Entry:
    return replace(INSIDE, listener=Listener(name="g", namespace="g", section=None, passthrough=passthrough))


@pytest.mark.parametrize(
    ("entry", "secret"),
    [
        (ENTRY, "gateway-certificate"),
        (CLOUD_ENTRY, "ml-example-tls"),
        (behind("shown"), "shown"),
        (behind(None), None),
        (attached(passthrough=True), "gateway-certificate"),
        (attached(passthrough=False), None),
    ],
)
def test_clients_are_shown_the_certificate_of_who_ends_their_tls(entry: Entry, secret: str | None) -> None:
    assert shown_certificate(entry) == secret


def theirs(**reached: Any) -> PlatformSettings:
    given = {"target": "existing", "context": "theirs", "registry": {"push": "r.example.com"}, "reached": reached}
    return parse({"groundwork:foundation": given}, source="file")


INGRESS = {"by": "ingress", "domain": "ml.example.com", "ingress_class": "nginx", "certificate": "shown"}
BALANCED = {"by": "load-balancer", "domain": "ml.example.com", "certificate": "mine"}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Those in the gateway's and in MLflow's namespace, by name."""
    found = {"mlflow-login": {"username": "groundwork", "password": "word"}}

    def secret(_: Environment, namespace: str, name: str) -> dict[str, str] | None:
        assert namespace == ("local-mlflow" if name == "mlflow-login" else "local-gateway")
        return found.get(name)

    monkeypatch.setattr(kubectl, "secret", secret)
    return found


def test_commands_trust_the_gateways_own_certificate_and_clients_the_one_in_front(
    monkeypatch: pytest.MonkeyPatch, secrets: dict[str, dict[str, str]]
) -> None:
    secrets |= {"gateway-certificate": {"ca.crt": "own"}, "shown": {"ca.crt": "public"}}
    environment = stack(monkeypatch, theirs(**INGRESS))
    assert ca_certificate(environment) == "own"
    assert outer_ca_certificate(environment) == "public"


@pytest.mark.parametrize("secret", [{"tls.crt": "x"}, {"ca.crt": ""}])
def test_a_certificate_without_its_authority_is_of_one_that_the_machine_trusts(
    monkeypatch: pytest.MonkeyPatch, secrets: dict[str, dict[str, str]], secret: dict[str, str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    secrets["mine"] = secret
    environment = stack(monkeypatch, theirs(**BALANCED))
    environment.home.mkdir(parents=True)
    assert ca_certificate(environment) is None
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" not in mlflow_variables(environment)


def test_a_shell_gets_the_files_of_the_login_and_of_the_authority(
    monkeypatch: pytest.MonkeyPatch, secrets: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    """And MLflow's own clients find the login by them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    secrets["mine"] = {"ca.crt": "authority"}
    environment = stack(monkeypatch, theirs(**BALANCED))
    environment.home.mkdir(parents=True)
    exported = mlflow_variables(environment)
    assert "word" not in str(exported)
    assert Path(exported["GROUNDWORK_MLFLOW_CREDENTIALS"]).stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("GROUNDWORK_MLFLOW_CREDENTIALS", exported["GROUNDWORK_MLFLOW_CREDENTIALS"])
    assert fetch_auth(exported["MLFLOW_TRACKING_AUTH"]) == HTTPBasicAuth("groundwork", "word")
    assert Path(exported["MLFLOW_TRACKING_SERVER_CERT_PATH"]).read_text() == "authority"
    assert environment.variables()["MLFLOW_TRACKING_URI"] == "https://ml.example.com/mlflow"


@pytest.mark.usefixtures("secrets")
def test_a_certificate_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(monkeypatch, theirs(**BALANCED))
    assert "namespace local-gateway has no Secret mine" in refused(lambda: ca_certificate(environment))


def test_a_request_goes_to_the_forwarded_port_and_asks_for_the_gateway_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = [40001, 40002]
    sent: list[tuple[str, str, str]] = []

    closed: list[tuple[object, ...]] = []

    def forwarded(*_: object) -> int:
        return ports.pop(0)

    def close(*target: object) -> None:
        closed.append(target)

    def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        sent.append((str(request.url), request.headers["host"], request.extensions["sni_hostname"]))
        if len(sent) == 1:
            raise httpx.ConnectError("its pod has gone")
        return httpx.Response(200, request=request)

    monkeypatch.setattr(gateway, "forwarded", forwarded)
    monkeypatch.setattr(gateway, "close", close)
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    environment = stack(monkeypatch, theirs(**BALANCED))
    with httpx.Client(transport=Forwarded(environment, ssl.create_default_context())) as client:
        answer = client.get("https://ml.example.com/mlflow/health")
    assert closed == [(environment, "gateway", 8443)]
    assert str(answer.request.url) == "https://ml.example.com/mlflow/health"
    assert sent == [
        (f"https://127.0.0.1:{port}/mlflow/health", "ml.example.com", "ml.example.com") for port in (40001, 40002)
    ]

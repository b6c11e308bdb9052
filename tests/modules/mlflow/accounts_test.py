"""What the server's application lets through, over an application that answers with what it got."""

import asyncio
import base64
import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from modules.core.paths import REPOSITORY

FOLDER = REPOSITORY / "modules/mlflow/files"
API, FILES = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts"
PEOPLE, TRAINING, READER = "groundwork", "pods-iris-training", "pods-gateway"
OWN, OTHER = "m-" + "1" * 32, "m-" + "2" * 32
STORE = {
    ("experiment", "1"): "iris",
    ("experiment", "2"): "rose",
    ("run", "r1"): "iris",
    ("run", "r2"): "rose",
    ("model", OWN): "iris",
    ("model", OTHER): "rose",
}
VERSION = {"name": "iris", "source": f"models:/{OWN}", "run_id": "r1", "model_id": OWN}


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: Any
    received: bytes | None
    """What MLflow got; None where it heard of nothing."""


Ask = Callable[..., Answer]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks as an account: METHOD PATH, with a body, in a login's place with any header."""
    monkeypatch.syspath_prepend(FOLDER)  # as /opt/groundwork is on the image's path
    module: Any = importlib.import_module("groundwork_accounts")
    rules: Any = importlib.import_module("groundwork_rules")

    def account(name: str, role: str, *names: str) -> Any:
        digest = hashlib.sha256(f"{name}-password".encode()).hexdigest()
        return rules.Account(name=name, sha256=digest, role=role, names=frozenset(names))

    accounts = {
        PEOPLE: account(PEOPLE, "people"),
        TRAINING: account(TRAINING, "training", "iris"),
        READER: account(READER, "reader"),
    }

    def experiment_of(kind: str, value: str) -> str:
        return STORE[kind, value]

    def asked(
        user: str | None,
        request: str,
        body: Any = None,
        *,
        authorization: str | None = None,
        kind: str = "http",
    ) -> Answer:
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        login = base64.b64encode(f"{user}:{user}-password".encode()).decode()
        given = authorization if authorization is not None else f"Basic {login}" if user else None
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = [(b"content-length", str(len(content)).encode())]
        if given is not None:
            headers.append((b"authorization", given.encode()))
        scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": headers}
        return asyncio.run(_exchange(module, accounts, experiment_of, scope, content))

    return asked


async def _exchange(module: Any, accounts: Any, experiment_of: Any, scope: Any, content: bytes) -> Answer:
    received: list[bytes] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def mlflow(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        assert dict(scope["headers"])[b"content-length"] == str(len(body)).encode()
        received.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    await module.Guarded(mlflow, accounts, experiment_of)(scope, receive, send)
    status = sent[0].get("status", 0)
    body: Any = json.loads(sent[1]["body"]) if status else None
    return Answer(status, dict(sent[0].get("headers", [])), body, received[0] if received else None)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"groundwork").decode(),
        "Basic " + base64.b64encode(b"groundwork:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:groundwork-password").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Bearer groundwork-password",
    ],
)
@pytest.mark.parametrize("path", [f"{API}experiments/search", "/", "/graphql", "/health/", "/version", FILES])
def test_without_a_login_nothing_is_answered(ask: Ask, path: str, authorization: str | None) -> None:
    found = ask(None, f"GET {path}", authorization=authorization)
    assert (found.status, found.received) == (401, None)
    assert found.headers[b"www-authenticate"].startswith(b"Basic")


def test_without_a_login_health_is_answered_and_no_other_protocol_spoken(ask: Ask) -> None:
    assert ask(None, "GET /health").status == 200
    assert ask(PEOPLE, "GET /anything", kind="websocket").received is None


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        (f"GET {API}experiments/get-by-name?experiment_name=iris", None),
        (f"POST {API}experiments/create", {"name": "iris"}),
        ("GET /api/3.0/mlflow/server-info", None),
        (f"POST {API}runs/create", {"experiment_id": "1", "tags": [{"key": "a", "value": "2"}]}),
        (f"POST {API}runs/search", {"experiment_ids": ["1"], "filter": "tags.a = 'b'"}),
        (f"POST {API}runs/log-batch", {"run_id": "r1", "metrics": [{"key": "m", "value": 1, "model_id": OWN}]}),
        (f"POST {API}runs/log-metric", {"run_uuid": "r1", "run_id": "r1", "key": "m", "value": 1, "model_id": ""}),
        (f"GET {API}artifacts/list?run_id=r1", None),
        (f"POST {API}logged-models", {"experiment_id": "1", "name": "any", "source_run_id": "r1"}),
        (f"PATCH {API}logged-models/{OWN}", {"model_id": OWN, "status": 2}),
        (f"POST {API}logged-models/{OWN}/params", {"model_id": OWN}),
        (f"POST {API}registered-models/create", {"name": "iris"}),
        (f"GET {API}model-versions/search?filter=" + quote("name = 'iris'"), None),
        (f"POST {API}model-versions/create", VERSION),
        (f"POST {API}registered-models/alias", {"name": "iris", "alias": "champion", "version": "1"}),
        (f"GET {FILES}?path=1/r1/artifacts", None),
        (f"GET {FILES}/1/r1/artifacts/a.txt", None),
        (f"PUT {FILES}/1/models/{OWN}/artifacts/model.pkl", b"bytes of a file"),
    ],
)
def test_a_training_does_with_its_own_experiment_and_model_what_it_needs(
    ask: Ask, request_line: str, body: Any
) -> None:
    found = ask(TRAINING, request_line, body)
    assert found.status == 200, found.body
    expected = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    assert found.received == expected


@pytest.mark.parametrize(
    ("request_line", "body", "named"),
    [
        (f"POST {API}experiments/create", {"name": "rose"}, "name is 'rose'"),
        (f"POST {API}experiments/create", {"name": "iris", "artifact_location": "file:///"}, "artifact_location"),
        (f"POST {API}experiments/create", {"name": "iris", "artifactLocation": "s3://x"}, "artifact_location"),
        (f"GET {API}experiments/get-by-name?experiment_name=rose", None, "'rose'"),
        (f"GET {API}experiments/get-by-name?experiment_name=iris&experiment_name=rose", None, "'rose'"),
        (f"GET {API}experiments/get-by-name", None, "missing"),
        (f"GET {API}experiments/search", None, "may not GET experiments/search"),
        (f"POST {API}experiments/delete", {"experiment_id": "1"}, "may not POST experiments/delete"),
        (f"POST {API}experiments/update", {"experiment_id": "1", "new_name": "x"}, "may not POST experiments/update"),
        (f"POST {API}runs/create", {"experiment_id": "2"}, "experiment '2'"),
        (f"POST {API}runs/create", {}, "has to name its experiment_id"),
        (f"POST {API}runs/create", {"experiment_id": ""}, "has to name its experiment_id"),
        (f"POST {API}runs/create", {"experiment_id": 2}, "expected text"),
        (f"POST {API}runs/create", {"experiment_id": "1", "experimentId": "2"}, "experiment '2'"),
        (f"POST {API}runs/create?experiment_id=1", {"experiment_id": "2"}, "experiment '2'"),
        (f"POST {API}runs/search", {"experiment_ids": ["1", "2"]}, "experiment '2'"),
        (f"POST {API}runs/search", {"experiment_ids": []}, "has to name its experiment_ids"),
        (f"GET {API}runs/get?run_id=r2", None, "run 'r2'"),
        (f"GET {API}runs/get?run_id=r1&run_uuid=r2", None, "run 'r2'"),
        (f"GET {API}runs/get?run_id=unknown", None, "run 'unknown'"),
        (f"POST {API}runs/delete", {"run_id": "r1"}, "may not POST runs/delete"),
        (f"POST {API}runs/log-batch", {"run_id": "r1", "metrics": [{"key": "m", "model_id": OTHER}]}, OTHER),
        (f"POST {API}logged-models", {"experiment_id": "1", "source_run_id": "r2"}, "run 'r2'"),
        (f"GET {API}logged-models/{OTHER}", None, OTHER),
        (f"DELETE {API}logged-models/{OWN}", None, "may not DELETE"),
        (f"GET {API}logged-models/search", None, "logged model 'search'"),
        (f"POST {API}registered-models/create", {"name": "rose"}, "name is 'rose'"),
        (f"POST {API}registered-models/alias", {"name": "rose", "alias": "champion", "version": "1"}, "name is 'rose'"),
        (f"POST {API}registered-models/alias", {"tags": [{"name": "iris"}]}, "missing"),
        (f"DELETE {API}registered-models/delete", {"name": "iris"}, "may not DELETE"),
        (f"GET {API}registered-models/search", None, "may not GET registered-models/search"),
        (f"GET {API}model-versions/search", None, "filter is missing"),
        (f"GET {API}model-versions/search?filter=" + quote("name = 'iris' or name = 'rose'"), None, "filter is None"),
        (f"POST {API}model-versions/create", {**VERSION, "name": "rose"}, "name is 'rose'"),
        (f"POST {API}model-versions/create", {**VERSION, "source": f"models:/{OTHER}"}, OTHER),
        (f"POST {API}model-versions/create", {**VERSION, "source": "file:///etc"}, "source is 'file:///etc'"),
        (f"POST {API}model-versions/create", {**VERSION, "source": "s3://local-artifacts/mlflow/1"}, "source is 's3:"),
        (f"POST {API}model-versions/create", {"name": "iris"}, "source is None"),
        (f"DELETE {FILES}/1/r1/artifacts/a.txt", None, "may not DELETE"),
        (f"PUT {FILES}/2/r2/artifacts/a.txt", b"x", "experiment '2'"),
        (f"PUT {FILES}/audit/model.pkl", b"x", "experiment 'audit'"),
        (f"GET {FILES}/1/../2/a.txt", None, "not a plain one"),
        (f"GET {FILES}/1/%2e%2e/2/a.txt", None, "not a plain one"),
        (f"GET {FILES}//2/a.txt", None, "not a plain one"),
        (f"GET {FILES}", None, "not a plain one"),
        (f"GET {FILES}?path=2", None, "experiment '2'"),
        (f"GET {FILES}?path=1&path=2", None, "experiment '2'"),
        ("POST /graphql", {"query": "{}"}, "may not POST /graphql"),
        ("GET /get-artifact?run_uuid=r1&path=a", None, "may not GET /get-artifact"),
        ("POST /ajax-api/2.0/mlflow/runs/create", {"experiment_id": "1"}, "may not POST /ajax-api"),
        ("POST /api/2.0/mlflow-artifacts/mpu/create/1/r1", {"path": "x"}, "may not POST /api/2.0/mlflow-artifacts/mpu"),
        (f"POST {API}webhooks", {"name": "x"}, "may not POST webhooks"),
        (f"POST {API}gateway/secrets/create", {}, "may not POST gateway"),
        ("GET /", None, "may not GET /"),
        ("GET /api/4.0/mlflow/later", None, "may not GET /api/4.0/mlflow/later"),
    ],
)
def test_a_training_is_refused_by_name_all_that_is_not_its_own(
    ask: Ask, capsys: pytest.CaptureFixture[str], request_line: str, body: Any, named: str
) -> None:
    found = ask(TRAINING, request_line, body)
    assert (found.status, found.received) == (403, None)
    assert found.body["error_code"] == "PERMISSION_DENIED"
    assert named in found.body["message"]
    assert capsys.readouterr().err.startswith(f"refused {TRAINING} ")


def test_the_landing_page_asks_for_champions_and_nothing_else(ask: Ask) -> None:
    assert ask(READER, f"GET {API}registered-models/alias?name=iris&alias=champion").status == 200
    for request in ("POST {}registered-models/alias", "GET {}registered-models/search", "GET {}runs/get?run_id=r1"):
        assert ask(READER, request.format(API), {}).status == 403
    assert ask(READER, f"GET {FILES}/1/r1/artifacts/a.txt").status == 403


def test_people_may_do_everything_but_choose_where_files_lie(ask: Ask) -> None:
    assert ask(PEOPLE, f"DELETE {FILES}/2/r2").status == 200
    assert ask(PEOPLE, "POST /graphql", {"query": "{}"}).status == 200
    assert ask(PEOPLE, f"POST {API}experiments/create", {"name": "any", "artifact_location": ""}).status == 200
    for path in (f"{API}experiments/create", "/ajax-api/2.0/mlflow/experiments/create"):
        found = ask(PEOPLE, f"POST {path}", {"name": "any", "artifact_location": "s3://elsewhere"})
        assert found.status == 403
        assert "artifact_location is 's3://elsewhere'" in found.body["message"]


@pytest.mark.parametrize("body", [b"no JSON", b'"{}"', b"[]", b" " * (16 * 2**20 + 1)])
def test_a_body_that_the_rules_can_not_read_goes_no_further(ask: Ask, body: bytes) -> None:
    found = ask(TRAINING, f"POST {API}runs/create", body)
    assert (found.status, found.received) == (400, None)


def test_mlflow_reads_the_body_that_the_rules_read(ask: Ask) -> None:
    twice = b'{"experiment_id": "2", "experiment_id": "1"}'
    assert ask(TRAINING, f"POST {API}runs/create", twice).received == b'{"experiment_id": "1"}'

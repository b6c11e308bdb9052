import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from tests.workloads.server.models import Arrays, box_model, tensor_model
from tests.workloads.signed import signed_pin
from workloads.server.app import App
from workloads.server.bounds import KEPT_FOR_SMALL, Budget
from workloads.server.holder import Holder
from workloads.server.http import MAX_BODY
from workloads.server.listener import HttpServer, listen
from workloads.server.metrics import Metrics
from workloads.server.watch import Watch

PIN = signed_pin(uri="s3://b/k", digest="sha256:" + "a" * 64)
IDENTITY = {"model_name": "box", "model_version": "3", "model_digest": PIN.digest}
TENSOR = {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [1, 1, 9, 9]}


class Client:
    """Asks a server in this process."""

    def __init__(self, holder: Holder, budget: Budget, drain_file: Path) -> None:
        self.app, self.budget, self.drain_file = App(PIN, holder, Metrics(PIN), budget), budget, drain_file

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            listener = listen("127.0.0.1", 0)
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            watch = Watch(self.drain_file)
            server = HttpServer(self.app.answer, self.budget, self.app.headers, listener=listener, watch=watch)
            async with watch, server, httpx.AsyncClient(base_url=address, trust_env=False, verify=False) as client:
                return await client.request(method, path, **content)

        return uvloop.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def client(holder: Holder, budget: Budget, drain_file: Path) -> Client:
    return Client(holder, budget, drain_file)


ANSWERS: list[tuple[str, str, Any, int]] = [
    ("GET", "/v2", None, 200),
    ("GET", "/v2/health/live", None, 200),
    ("GET", "/v2/health/ready", None, 200),
    ("GET", "/v2/models/box", None, 200),
    ("GET", "/v2/models/box/ready", None, 200),
    ("POST", "/v2/models/box/infer", {"inputs": [TENSOR]}, 200),
    ("GET", "/v2/models/box/versions/3", None, 200),
    ("GET", "/v2/models/box/versions/3/ready", None, 200),
    ("POST", "/v2/models/box/versions/3/infer", {"inputs": [TENSOR]}, 200),
    ("GET", "/v2/models/box/versions/4", None, 404),
    ("GET", "/v2/models/box/versions/4/ready", None, 404),
    ("POST", "/v2/models/box/versions/4/infer", {"inputs": [TENSOR]}, 404),
    ("GET", "/v2/models/other/versions/3", None, 404),
    ("GET", "/v2/models/box/versions", None, 404),
    ("POST", "/v2/models/box/infer", {"inputs": [TENSOR], "outputs": [{"name": "labels"}]}, 400),
    ("POST", "/predict", {"width": 1, "height": 1}, 200),
    ("GET", "/v2/models/other", None, 404),
    ("GET", "/v2/models/other/ready", None, 404),
    ("POST", "/v2/models/other/infer", {"inputs": [TENSOR]}, 404),
    ("GET", "/nothing", None, 404),
    ("GET", "/predict", None, 405),
    ("POST", "/predict", {"width": 1}, 400),
    ("POST", "/v2/models/box/infer", {"inputs": []}, 400),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), ANSWERS)
def test_every_answer_names_the_model_in_body_and_headers(
    client: Client, method: str, path: str, body: Any, status: int
) -> None:
    response = client.request(method, path, json=body)
    assert response.status_code == status
    content = response.json()
    assert {key: content[key] for key in IDENTITY} == IDENTITY
    assert {key: response.headers[f"x-{key.replace('_', '-')}"] for key in IDENTITY} == IDENTITY
    assert ("error" in content) == (status >= 400)


@pytest.mark.parametrize(("method", "path", "body", "status"), ANSWERS)
def test_a_slash_at_the_end_of_a_path_changes_nothing_and_leads_nowhere_else(
    client: Client, method: str, path: str, body: Any, status: int
) -> None:
    response = client.request(method, f"{path}/", json=body)
    assert (response.status_code, response.headers.get("location")) == (status, None)
    assert response.json() == client.request(method, path, json=body).json()


def test_the_paths_of_a_version_say_the_same_as_those_of_the_model(client: Client) -> None:
    for end in ("", "/ready"):
        assert client.get(f"/v2/models/box/versions/3{end}").json() == client.get(f"/v2/models/box{end}").json()
    refused = client.get("/v2/models/box/versions/4").json()
    assert refused["error"] == "version '4' of model 'box' is not served here; '3' is"


def test_only_the_outputs_that_are_asked_for_are_answered(client: Client) -> None:
    asked = {"inputs": [TENSOR], "outputs": [{"name": "label"}]}
    answer = client.post("/v2/models/box/versions/3/infer", json=asked).json()
    assert [output["name"] for output in answer["outputs"]] == ["label"]


def test_named_features_are_predicted_row_by_row(client: Client) -> None:
    rows = [{"width": 1, "height": 1}, {"width": 9, "height": 9}]
    answer = client.post("/predict", json=rows).json()
    assert answer["predictions"] == ["small", "large"]
    assert [set(each) for each in answer["probabilities"]] == [{"small", "large"}] * 2
    assert all(sum(each.values()) == pytest.approx(1) for each in answer["probabilities"])


def test_tensors_are_predicted_by_the_open_inference_protocol(client: Client) -> None:
    answer = client.post("/v2/models/box/infer", json={"id": "7", "inputs": [TENSOR]}).json()
    assert answer["id"] == "7"
    assert answer["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["small", "large"]},
        {
            "name": "probabilities",
            "datatype": "FP64",
            "shape": [2, 2],
            "parameters": {"classes": "large,small"},
            "data": [0.1, 0.9, 0.9, pytest.approx(0.1)],
        },
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [("\ud800", "the body is not JSON"), ("x" * 3_000_000, "'id': 'xxx"), (7, "'id': 7 is not a string")],
)
def test_an_id_that_no_answer_can_hold_is_the_clients_fault_and_not_repeated(
    client: Client, given: Any, message: str
) -> None:
    response = client.post("/v2/models/box/infer", content=json.dumps({"id": given, "inputs": [TENSOR]}))
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert len(response.content) < 1000


def test_a_model_of_tensors_answers_by_the_protocol_alone(client: Client, holder: Holder) -> None:
    holder.model = tensor_model()
    inputs = [
        {"name": "picture", "datatype": "FP32", "shape": [1, 2, 3], "data": [[[1, 2, 3], [4, 5, 6.5]]]},
        {"name": "text", "datatype": "BYTES", "shape": [1, 1], "data": ["straße"]},
    ]
    answer = client.post("/v2/models/box/infer", json={"inputs": inputs}).json()
    assert answer["outputs"] == [
        {"name": "capitals", "datatype": "BYTES", "shape": [1, 1], "data": ["STRASSE"]},
        {"name": "doubled", "datatype": "FP32", "shape": [1, 2, 3], "data": [2, 4, 6, 8, 10, 13]},
        {"name": "positive", "datatype": "BOOL", "shape": [1], "data": [True]},
    ]
    refused = client.post("/predict", json={"width": 1})
    assert (refused.status_code, "/v2/models/NAME/infer" in refused.json()["error"]) == (400, True)
    assert "groundwork_predicted_rows_total{" not in client.get("/metrics").text


def test_metadata_describes_inputs_and_outputs(client: Client) -> None:
    content = client.get("/v2/models/box").json()
    assert content["versions"] == ["3"]
    assert content["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}]
    assert content["outputs"][0] == {"name": "label", "datatype": "BYTES", "shape": [-1]}
    assert content["parameters"] == {"features": "width,height", "classes": "large,small"}


def test_the_server_says_which_extensions_of_the_protocol_it_speaks(client: Client) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 10_000, b"\xff"])
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    response = client.post("/predict", content=body)
    assert response.status_code == 400
    assert "the body is not JSON" in response.json()["error"]


async def parts(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b" " * size


@pytest.mark.parametrize("content", [b" " * (MAX_BODY + 1), parts(MAX_BODY, 1)], ids=["by its length", "in parts"])
def test_a_request_that_is_too_large_is_refused(client: Client, content: Any) -> None:
    response = client.post("/predict", content=content)
    assert response.status_code == 413
    assert "send it in parts" in response.json()["error"]
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("content", [b" " * 100_000, parts(50_000, 50_000)], ids=["by its length", "in parts"])
def test_a_server_that_holds_as_much_as_it_may_asks_for_patience(client: Client, budget: Budget, content: Any) -> None:
    with budget.hold() as others:
        others.require(budget.limit - KEPT_FOR_SMALL, "the others")
        response = client.post("/predict", content=content)
        assert response.status_code == 503
        assert (response.headers["retry-after"], response.headers["connection"]) == ("1", "close")
        assert client.post("/predict", json={"width": 1, "height": 1}).status_code == 200
        assert client.get("/v2/health/live").status_code == 200
    assert client.post("/predict", content=b" " * 100_000).status_code == 400
    assert budget.held == 0


def test_a_request_that_never_ends_is_given_up(client: Client, budget: Budget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workloads.server.http.BODY_SECONDS", 0.05)
    monkeypatch.setattr("workloads.server.watch.WATCH_SECONDS", 0.02)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)

    response = client.post("/predict", content=endless())
    assert response.status_code == 408
    assert budget.held == 0


def test_a_body_of_nothing_but_lists_is_refused_unparsed(client: Client) -> None:
    response = client.post("/predict", content=b"[" * 100_000)
    assert response.status_code == 400
    assert response.json()["error"] == "the body holds 100000 lists and objects; 10000 rows need at most 30000"


def test_a_fault_of_the_server_names_nothing_but_the_model(
    client: Client, holder: Holder, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Arrays) -> Arrays:
        raise AttributeError("secret")

    holder.model = box_model(fail)
    response = client.post("/predict", json={"width": 1, "height": 1})
    assert response.status_code == 500
    assert response.json() == {**IDENTITY, "error": "internal error; the server's log says more"}
    assert "POST '/predict': AttributeError" in capsys.readouterr().out


def test_before_the_model_is_loaded_it_is_live_but_not_ready(client: Client, holder: Holder) -> None:
    holder.model, holder.reason = None, "the files have another digest"
    assert client.get("/v2/health/live").status_code == 200
    for path in ("/v2/health/ready", "/v2/models/box/ready", "/v2/models/box"):
        response = client.get(path)
        assert response.status_code == 503
        assert response.json()["error"] == "the files have another digest"
    assert client.post("/predict", json={"width": 1, "height": 1}).status_code == 503


def test_while_it_drains_every_answer_closes_its_connection(client: Client, drain_file: Path) -> None:
    assert "connection" not in client.get("/v2/health/live").headers
    drain_file.touch()
    for path in ("/v2/health/live", "/nothing"):
        assert client.get(path).headers["connection"] == "close"
    assert client.post("/predict", json={"width": 1, "height": 1}).status_code == 200


def test_metrics_count_by_route_never_by_path(client: Client) -> None:
    client.post("/predict", json={"width": 1, "height": 1})
    client.get("/v2/models/one")
    client.get("/v2/models/two")
    client.get("/scanned/by/a/stranger")
    response = client.get("/metrics")
    lines = response.text.splitlines()
    assert response.headers["x-model-version"] == "3"
    assert 'groundwork_requests_total{route="/predict",status="200"} 1.0' in lines
    assert 'groundwork_requests_total{route="/v2/models/{name}",status="404"} 2.0' in lines
    assert 'groundwork_requests_total{route="other",status="404"} 1.0' in lines
    assert 'groundwork_predicted_rows_total{label="small"} 1.0' in lines
    assert "groundwork_model_ready 1.0" in lines
    assert any(line.startswith("groundwork_model_info{") and PIN.digest in line for line in lines)
    assert "stranger" not in response.text

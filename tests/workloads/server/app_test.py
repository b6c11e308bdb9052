import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from tests.workloads.signed import signed_pin
from workloads.server.app import MAX_BODY, Holder, create_app
from workloads.server.model import load

PIN = signed_pin(uri="s3://b/k", digest="sha256:" + "a" * 64)
IDENTITY = {"model_name": "box", "model_version": "3", "model_digest": PIN.digest}
TENSOR = {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [1, 1, 9, 9]}


@pytest.fixture
def holder(model_folder: Path) -> Holder:
    holder = Holder()
    holder.model = load(model_folder)
    return holder


@pytest.fixture
def drain_file(tmp_path: Path) -> Path:
    return tmp_path / "draining"


class Client:
    """Asks an application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **content)

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)


@pytest.fixture
def client(holder: Holder, drain_file: Path) -> Client:
    return Client(create_app(PIN, holder, start=lambda: None, drain_file=drain_file))


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
    assert answer["outputs"][0] == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["small", "large"]}


def test_an_id_that_no_answer_can_hold_is_the_clients_fault_and_not_repeated(client: Client) -> None:
    for given in ("\ud800", "x" * 3_000_000, 7):
        content = json.dumps({"id": given, "inputs": [TENSOR]})
        response = client.post("/v2/models/box/infer", content=content)
        assert response.status_code == 400
        assert response.json()["error"].startswith("'id': ")
        assert len(response.content) < 1000


def test_metadata_describes_inputs_and_outputs(client: Client) -> None:
    content = client.get("/v2/models/box").json()
    assert content["versions"] == ["3"]
    assert content["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}]
    assert content["parameters"] == {"features": "width,height", "classes": "large,small"}


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    response = client.post("/predict", content=body)
    assert response.status_code == 400
    assert "the body is not JSON" in response.json()["error"]


def test_a_request_that_is_too_large_is_refused(client: Client) -> None:
    response = client.post("/predict", content=b" " * (MAX_BODY + 1))
    assert response.status_code == 413
    assert "send it in parts" in response.json()["error"]


def test_a_fault_of_the_server_names_nothing_but_the_model(
    client: Client, holder: Holder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert holder.model is not None
    holder.model = replace(holder.model, session=cast(Any, None))
    response = client.post("/predict", json={"width": 1, "height": 1})
    assert response.status_code == 500
    assert response.json() == {**IDENTITY, "error": "internal error; the server's log says more"}
    assert "POST /predict: AttributeError" in capsys.readouterr().out


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


def test_the_model_begins_to_load_with_the_application(holder: Holder, drain_file: Path) -> None:
    started: list[bool] = []
    app = create_app(PIN, holder, start=lambda: started.append(True), drain_file=drain_file)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            assert started == [True]

    asyncio.run(live())

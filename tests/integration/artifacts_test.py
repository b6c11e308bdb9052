"""Files of runs and models, as MLflow's clients on this machine send and fetch them."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from scripts.cli.clients import gateway
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import exports

from .conftest import run

TRACKING = "MLFLOW_TRACKING_"
LARGE_BYTES = 300 * 2**20
"""More than a pod's /tmp may hold."""
SECONDS = 120.0
"""A client that is led past the server tries for nine minutes."""
SLOW_SECONDS = 65
TEXT = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_text("hello", "a.txt")
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/a.txt"))
mlflow.MlflowClient().delete_run(run.info.run_id)
"""
MODEL = """
import mlflow
print(type(mlflow.sklearn.load_model("models:/iris@champion")).__name__)
"""
FILE = """
import mlflow, sys
with mlflow.start_run() as run:
    mlflow.log_artifact(sys.argv[1], "large")
print(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large/file", dst_path=sys.argv[2]))
mlflow.MlflowClient().delete_run(run.info.run_id)
"""


@pytest.fixture(params=["the exports", "address and login alone"])
def client(request: pytest.FixtureRequest, platform: Environment) -> Mapping[str, str]:
    """The environment of a client in a shell with the exports, and in a notebook or an IDE without them."""
    variables = {**platform.variables(), **exports.mlflow_variables(platform)}
    if request.param == "the exports":
        return variables
    username, password = gateway.mlflow_login(platform)
    login = {f"{TRACKING}USERNAME": username, f"{TRACKING}PASSWORD": password}
    return {**{f"{TRACKING}{name}": variables[f"{TRACKING}{name}"] for name in ("URI", "SERVER_CERT_PATH")}, **login}


def logged_in(platform: Environment) -> httpx.Client:
    return gateway.client(platform, gateway.service_address(platform, "mlflow"), gateway.mlflow_login(platform))


def python(code: str, client: Mapping[str, str], *arguments: str) -> str:
    """The last line that a program prints."""
    unasked = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    done = run(sys.executable, "-W", "ignore", "-c", code, *arguments, env={**client, **unasked}, timeout=SECONDS)
    return [line for line in done.stdout.splitlines() if "/#/experiments/" not in line][-1]


def test_text_that_was_logged_is_read_in_seconds(client: Mapping[str, str]) -> None:
    assert python(TEXT, client) == "hello"


def test_the_champion_is_loaded_in_seconds(client: Mapping[str, str]) -> None:
    assert python(MODEL, client).endswith("Classifier")


def test_a_large_file_goes_up_and_comes_back_whole(platform: Environment, tmp_path: Path) -> None:
    variables = {**platform.variables(), **exports.mlflow_variables(platform)}
    (tmp_path / "file").write_bytes(bytes(LARGE_BYTES))
    fetched = python(FILE, variables, str(tmp_path / "file"), str(tmp_path / "back"))
    assert Path(fetched).stat().st_size == LARGE_BYTES


def test_an_upload_of_more_than_a_minute_arrives(platform: Environment) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(SLOW_SECONDS):
            yield b"x" * 1000
            time.sleep(1)

    path = "/api/2.0/mlflow-artifacts/artifacts/slow"
    with logged_in(platform) as client:
        client.put(path, content=slowly()).raise_for_status()
        assert len(client.get(path).content) == SLOW_SECONDS * 1000
        client.delete(path).raise_for_status()


def test_the_server_offers_no_address_of_the_store(platform: Environment) -> None:
    with logged_in(platform) as asked:
        offered = json.loads(asked.get("/api/3.0/mlflow/server-info").raise_for_status().text)
    assert (offered["multipart_downloads_enabled"], offered["multipart_uploads_enabled"]) == (False, False)

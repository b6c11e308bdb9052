"""Training and releases on the platform, by the commands a person would type."""

import json
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.core.images import read_images
from modules.core.releases import Release, read_releases
from modules.registry.images import sha256
from modules.registry.record import add_to_record, read_record
from modules.registry.remote import Remote
from scripts.cli.clients import gateway, kubectl
from scripts.cli.clients.registry import registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import access_of, cluster_of

from .conftest import STACK, run

FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
TAGS = ("code_revision", "data_address", "data_digest", "image_digest", "lock_digest", "seed", "job")


class Mlflow:
    def __init__(self, platform: Environment) -> None:
        address = gateway.service_address(platform, "mlflow")
        self.client = gateway.client(platform, f"{address}/api/2.0/mlflow/", gateway.mlflow_login(platform))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self.client.get(path, params=query).raise_for_status().json()

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        return self.client.post(path, json=content).raise_for_status().json()


@pytest.fixture
def mlflow(platform: Environment) -> Iterator[Mlflow]:
    asked = Mlflow(platform)
    with asked.client:
        yield asked


@pytest.fixture
def address(platform: Environment) -> str:
    return f"http://127.0.0.1:{platform.settings.ports()['iris']}"


def command(*arguments: str) -> dict[str, Any]:
    """What a command of the platform's stack prints as JSON."""
    return json.loads(run(".venv/bin/groundwork", *arguments, "--stack", STACK, "--json").stdout)


def pinned() -> Release:
    return read_releases(STACK)["iris"]


def another_version(mlflow: Mlflow) -> int:
    """The same files registered once more: a version of its own, with what a release needs."""
    first = mlflow.get("model-versions/get", name="iris", version=str(pinned().model_version))["model_version"]
    same = {key: first[key] for key in ("name", "source", "run_id", "tags")}
    same["model_id"] = first["source"].removeprefix("models:/")
    return int(mlflow.post("model-versions/create", same)["model_version"]["version"])


class Load:
    """Clients that keep their connections and never ask twice; what they were answered."""

    def __init__(self) -> None:
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []


@contextmanager
def load(address: str, clients: int = 4) -> Generator[Load]:
    seen, stop = Load(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=10) as client:
            while not stop.is_set():
                try:
                    answer = client.post("/predict", json=FLOWER).raise_for_status()
                    seen.versions[answer.json()["model_version"]] += 1
                except httpx.HTTPError as error:
                    seen.failures.append(f"{type(error).__name__}: {error}")
                stop.wait(0.01)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.usefixtures("platform")
def test_a_finished_training_is_not_repeated_and_names_what_it_made() -> None:
    training = command("train", "iris")
    assert training["fresh"] is False
    assert {candidate["name"] for candidate in training["candidates"]} == {
        "RandomForestClassifier",
        "GradientBoostingClassifier",
    }
    assert sum(candidate["selected"] for candidate in training["candidates"]) == 1


def test_every_run_records_what_reproduces_it_and_its_results(mlflow: Mlflow) -> None:
    training = command("train", "iris")
    for run_id in [training["run"], *(candidate["run"] for candidate in training["candidates"])]:
        found = mlflow.get("runs/get", run_id=run_id)["run"]
        tags = {tag["key"]: tag["value"] for tag in found["data"]["tags"]}
        assert all(tags[f"groundwork.{key}"] for key in TAGS)
        assert {metric["key"] for metric in found["data"]["metrics"]} >= {"accuracy", "f1_macro", "log_loss"}
    for candidate in training["candidates"]:
        steps = mlflow.get("metrics/get-history", run_id=candidate["run"], metric_key="accuracy")["metrics"]
        assert len(steps) == 100
        files = mlflow.get("artifacts/list", run_id=candidate["run"])["files"]
        assert "predictions.csv" in {file["path"] for file in files}


@pytest.mark.usefixtures("platform")
def test_a_run_is_reproduced_with_the_same_metrics() -> None:
    training = command("train", "iris")
    result = command("reproduce", training["run"])
    assert result["same"] is True
    assert len(result["comparisons"]) >= 6
    assert result["reproduced_by"] != training["run"]


@pytest.mark.usefixtures("platform")
def test_releasing_what_serves_is_nothing_to_do() -> None:
    before = pinned()
    assert command("release", "iris")["changed"] is False
    assert pinned() == before


def test_the_version_in_service_answers_at_its_own_address(address: str) -> None:
    version = pinned().model_version
    tensor = {"name": "input", "shape": [1, 4], "datatype": "FP64", "data": [list(FLOWER.values())]}
    asked = {"inputs": [tensor], "outputs": [{"name": "label"}]}
    answer = httpx.post(f"{address}/v2/models/iris/versions/{version}/infer", json=asked).raise_for_status().json()
    assert [(output["name"], output["data"]) for output in answer["outputs"]] == [("label", ["setosa"])]
    assert httpx.get(f"{address}/v2/models/iris/versions/{version}/ready").status_code == 200
    assert httpx.get(f"{address}/v2/models/iris/versions/{version + 1000}").status_code == 404


def test_a_release_and_a_rollback_lose_no_request_and_take_back_what_a_person_scaled(
    platform: Environment, mlflow: Mlflow, address: str
) -> None:
    first, second = pinned().model_version, another_version(mlflow)
    deployment = ("deployment/iris", "-n", f"{STACK}-iris")
    kubectl.run(platform, "scale", *deployment, "--replicas=2")
    with load(address) as seen:
        assert command("release", "iris", "--model-version", str(second))["changed"] is True
        assert pinned().model_version == second
        released = httpx.get(f"{address}/v2/models/iris").json()
        assert command("rollback", "iris")["pin"]["model_version"] == first
    assert released["versions"] == [str(second)]
    assert seen.failures == []
    assert set(seen.versions) == {str(first), str(second)}
    assert pinned().model_version == first
    served = kubectl.get(platform, *deployment)
    assert served is not None
    assert served["spec"]["replicas"] == 1


@pytest.fixture
def new_image(platform: Environment, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Digests of the serving image of before and of today's, which `up` takes for built: the same files by another
    label."""
    before = read_images(STACK)["serving"]
    with Remote(registry_of(platform), access_of(cluster_of(platform))) as remote:
        manifest = json.loads(remote.manifest("serving", before.digest))
        file = tmp_path / "configuration"
        remote.download("serving", manifest["config"]["digest"], file)
        configuration = json.loads(file.read_text())
        configuration["config"]["Labels"] = {"made": "by a test"}
        content = json.dumps(configuration).encode()
        file.write_bytes(content)
        manifest["config"] |= {"digest": sha256(content), "size": len(content)}
        remote.upload("serving", sha256(content), file)
        document = json.dumps(manifest).encode()
        remote.put_manifest("serving", "made-by-a-test", document)
    recorded = read_record()[before.inputs]
    add_to_record({before.inputs: recorded.model_copy(update={"digest": sha256(document)})})
    try:
        run("scripts/up", STACK)
        yield before.digest, sha256(document)
    finally:
        add_to_record({before.inputs: recorded})
        run("scripts/up", STACK)


def test_a_new_serving_image_is_a_release_of_its_own_that_is_checked_served_and_rolled_back(
    platform: Environment, new_image: tuple[str, str], address: str
) -> None:
    before, today = new_image
    version = str(pinned().model_version)

    def runs_in() -> str:
        served = kubectl.get(platform, "deployment", "iris", "-n", f"{STACK}-iris")
        assert served is not None
        return served["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[2]

    assert runs_in() == pinned().serving_image == before != today  # `up` brought a new image, and left the model alone
    (row,) = json.loads(run(".venv/bin/groundwork", "status", STACK, "--json").stdout)["workloads"]
    assert row["lags"] is True
    assert f"`groundwork release iris --model-version {version}` checks it in today's" in row["note"]
    with load(address) as seen:
        assert command("release", "iris", "--model-version", version)["changed"] is True
        assert runs_in() == pinned().serving_image == today
        assert command("rollback", "iris")["pin"]["serving_image"] == before
    assert runs_in() == pinned().serving_image == before
    assert seen.failures == []
    assert set(seen.versions) == {version}


def test_a_model_whose_digest_was_changed_is_not_released(mlflow: Mlflow, address: str) -> None:
    before, version = pinned(), another_version(mlflow)
    false = {"name": "iris", "version": str(version), "key": "groundwork.digest", "value": "sha256:" + "0" * 64}
    mlflow.post("model-versions/set-tag", false)
    done = run(
        ".venv/bin/groundwork",
        *("release", "iris", "--model-version", str(version), "--stack", STACK),
        check=False,
    )
    assert done.returncode == 1
    assert f"model 'iris' version {version} is refused: its signature is not" in " ".join(done.stderr.split())
    assert pinned() == before
    assert httpx.get(f"{address}/v2/models/iris").json()["versions"] == [str(before.model_version)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "irsi"), "workload 'irsi' is unknown; known: cancer, digits, iris, neighbours, screening, wine"),
        (("release", "iris", "--model-version", "99"), "has no version 99; existing versions: 1"),
        (("reproduce", "nothing"), "no run 'nothing' in MLflow"),
    ],
)
@pytest.mark.usefixtures("platform")
def test_a_wrong_name_lists_the_right_ones(arguments: tuple[str, ...], message: str) -> None:
    done = run(".venv/bin/groundwork", *arguments, "--stack", STACK, check=False)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_workloads_have_no_rights_in_the_cluster(platform: Environment) -> None:
    for namespace in (f"{STACK}-iris", f"{STACK}-iris-training"):
        pods = kubectl.items(platform, "pods", "-n", namespace)
        assert pods
        assert all(pod["spec"]["automountServiceAccountToken"] is False for pod in pods)

"""Models of XGBoost, LightGBM, PyTorch, and of scikit-learn without an ONNX form, on a platform of their own: trained,
released, and answering as well as they were measured."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from modules.core.naming import bucket
from modules.registry.build import image_sizes
from scripts.cli.clients.registry import registry_of
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import STACKS, access_of, cluster_of, settings_file
from workloads import catalog, lake
from workloads.artifacts import TABLES
from workloads.cancer.train import CANCER
from workloads.columns import Column
from workloads.digits.train import DIGITS
from workloads.documents import columns_document
from workloads.neighbours.train import NEIGHBOURS
from workloads.screening.train import SCREENING
from workloads.wine.train import WINE

from .conftest import STACK, run
from .lake_test import act_as

LIBRARIES = "libraries"
NETWORK = "10.87.0.0/16"
PORTS = {
    "api": 29443,
    "storage": 29333,
    "gateway": 29444,
    "cancer": 29080,
    "wine": 29081,
    "digits": 29082,
    "neighbours": 29083,
    "screening": 29084,
}
EACH = {"cancer": CANCER, "digits": DIGITS, "neighbours": NEIGHBOURS, "screening": SCREENING, "wine": WINE}
LEAST_ACCURACY = 0.9


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """Where the workloads of a stack answer that was brought up from nothing."""
    example: dict[str, Any] = yaml.safe_load((STACKS / f"{STACK}.example.yaml").read_text())
    settings: dict[str, Any] = example["config"]
    settings["groundwork:foundation"] = {"network": NETWORK, "ports": {"api": PORTS["api"]}}
    for service in ("storage", "gateway"):
        settings[f"groundwork:{service}"]["local_port"] = PORTS[service]
    settings["groundwork:workloads"] = {name: {"local_port": PORTS[name]} for name in EACH}
    settings_file(LIBRARIES).write_text(yaml.safe_dump(example))
    try:
        run("scripts/up", LIBRARIES)
        yield {name: f"http://127.0.0.1:{PORTS[name]}" for name in EACH}
    finally:
        run("scripts/down", LIBRARIES, "--yes", check=False)
        settings_file(LIBRARIES).unlink(missing_ok=True)


@pytest.mark.heavy  # a second environment
@pytest.mark.parametrize("name", EACH)
def test_a_model_of_another_library_answers_as_well_as_it_was_measured(name: str, addresses: dict[str, str]) -> None:
    trained = json.loads(run(".venv/bin/groundwork", "train", name, "--stack", LIBRARIES, "--json").stdout)
    assert trained["fresh"] is False  # scripts/up trained and released it
    with httpx.Client(base_url=addresses[name], timeout=30) as client:
        example = client.post("/predict", json=catalog.load(name).serving.example).raise_for_status().json()
        assert example["model_version"] == str(trained["model_version"])
        header, *rows = csv.reader(EACH[name].seed_data().decode().splitlines())
        tensor = {
            "name": "input",
            "shape": [len(rows), len(header) - 1],
            "datatype": "FP64",
            "data": [float(value) for row in rows for value in row[:-1]],
        }
        answer = client.post(f"/v2/models/{name}/infer", json={"inputs": [tensor]}).raise_for_status().json()
    outputs = {each["name"]: each for each in answer["outputs"]}
    right = [label == row[-1] for label, row in zip(outputs["label"]["data"], rows, strict=True)]
    assert sum(right) / len(right) >= LEAST_ACCURACY
    assert outputs["probabilities"]["shape"] == [len(rows), len({row[-1] for row in rows})]


@pytest.mark.heavy
def test_a_model_without_an_onnx_form_is_served_from_skops_in_an_image_of_its_own(addresses: dict[str, str]) -> None:
    described = httpx.get(f"{addresses['neighbours']}/v2/models/neighbours", timeout=30).raise_for_status().json()
    assert described["platform"] == "sklearn_skops"
    assert httpx.get(f"{addresses['wine']}/v2/models/wine", timeout=30).json()["platform"] == "onnxruntime_onnx"
    workloads = json.loads(run(".venv/bin/groundwork", "status", LIBRARIES, "--json").stdout)["workloads"]
    served = {each["workload"]: (each["format"], each["image"].partition("@")[0].split("/")[-1]) for each in workloads}
    assert served["neighbours"] == ("skops", "serving-skops")
    assert served["wine"] == ("onnx", "serving")
    again = json.loads(run(".venv/bin/groundwork", "release", "neighbours", "--stack", LIBRARIES, "--json").stdout)
    assert not again["changed"]
    assert again["pin"]["trusted"] == catalog.load("neighbours").serving.trusted


@pytest.mark.heavy
@pytest.mark.usefixtures("addresses")
def test_a_training_is_reproduced_from_the_version_of_its_table_after_that_grew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = json.loads(run(".venv/bin/groundwork", "train", "screening", "--stack", LIBRARIES, "--json").stdout)
    act_as("screening-training", Environment(LIBRARIES), monkeypatch)
    table = f"s3://{bucket(LIBRARIES, 'features')}/{TABLES}/screening/features"
    before = lake.read(table)
    columns = [Column(**each) for each in columns_document(catalog.load("screening"))]
    row = before.content.splitlines(keepends=True)[1].replace(b"1", b"2", 1)
    assert lake.append(table, lake.fields_of(columns), row, "libraries_test")
    assert lake.read(table).version == before.version + 1
    again = json.loads(run(".venv/bin/groundwork", "reproduce", trained["run"], "--stack", LIBRARIES, "--json").stdout)
    assert (again["same"], again["data_version"]) == (True, "0")


@pytest.mark.heavy
@pytest.mark.usefixtures("addresses")
def test_the_images_of_these_workloads_are_within_their_budgets() -> None:
    stack = Environment(LIBRARIES)
    sizes = image_sizes(LIBRARIES, registry_of(stack), access_of(cluster_of(stack)))
    budgets = {image.name: image.budget_mb for image in stack.settings.images()}
    assert sizes.keys() == budgets.keys() >= {"serving-skops", "training-lake"}
    assert {name: size for name, size in sizes.items() if size.uncompressed > budgets[name]} == {}

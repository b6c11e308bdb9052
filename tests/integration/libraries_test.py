"""Models of XGBoost, LightGBM and PyTorch on a platform of their own: trained, released, and answering as well as they
were measured."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from scripts.cli.lifecycle.up import STACKS, settings_file
from workloads import catalog
from workloads.cancer.train import CANCER
from workloads.digits.train import DIGITS
from workloads.wine.train import WINE

from .conftest import STACK, run

LIBRARIES = "libraries"
NETWORK = "10.87.0.0/16"
PORTS = {"api": 29443, "storage": 29333, "gateway": 29444, "cancer": 29080, "wine": 29081, "digits": 29082}
EACH = {"cancer": CANCER, "digits": DIGITS, "wine": WINE}
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

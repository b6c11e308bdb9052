import json
import tomllib
from pathlib import Path

import pytest

from scripts.benchmarks.serving.__main__ import chosen, numbers
from scripts.benchmarks.serving.environments import OTHERS, OURS
from scripts.benchmarks.serving.model import Trained
from scripts.benchmarks.serving.servers import SERVERS, Place, Server, variables
from tests.scripts.cli.fakes import refused


@pytest.fixture
def place(tmp_path: Path) -> Place:
    model = Trained(tmp_path / "model", ("a", "b"), [[1.0, 2.0]])
    return Place(tmp_path, tmp_path / "environment", (1001, 1002, 1003), model, {"MODEL_NAME": "iris"})


def by_name(name: str) -> Server:
    (found,) = chosen(name)
    return found


def test_every_other_server_has_a_locked_environment_of_its_own() -> None:
    groups = tomllib.loads((OTHERS / "pyproject.toml").read_text())["dependency-groups"]
    assert set(groups) == {server.group for server in SERVERS} - {OURS}
    assert all("==" in requirement for group in groups.values() for requirement in group)
    locked = tomllib.loads((OTHERS / "uv.lock").read_text())["package"]
    wheels = [wheel for package in locked for wheel in package.get("wheels", [])]
    assert wheels
    assert all(wheel["hash"].startswith("sha256:") for wheel in wheels)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_every_server_runs_from_its_own_environment_at_ports_that_are_asked(place: Place, server: Server) -> None:
    command, own = server.start(place)
    assert command[0].startswith(str(place.environment))
    assert all(question(place, [[1.0, 2.0]]).url.startswith("http://127.0.0.1:100") for question in server.ask.values())
    assert variables(place, own)["OMP_NUM_THREADS"] == "1"


def test_a_persons_variables_do_not_reach_a_server(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert "AWS_PROFILE" not in variables(place, {})


def test_mlserver_is_measured_at_its_best_on_one_core(place: Place) -> None:
    by_name("mlserver-onnx").start(place)
    settings = json.loads((place.folder / "settings.json").read_text())
    assert (settings["parallel_workers"], settings["debug"], settings["http_port"]) == (0, False, 1001)
    assert json.loads((place.folder / "model-settings.json").read_text())["parameters"]["uri"] == str(place.model.onnx)


def test_rows_are_repeated_where_more_are_asked_for_than_are_held_out(place: Place) -> None:
    assert place.model.some(3) == [[1.0, 2.0]] * 3


def test_servers_are_chosen_by_name_in_the_order_given() -> None:
    assert [server.name for server in chosen("fastapi,ours,fastapi")] == ["fastapi", "ours"]
    known = "ours, mlserver, mlserver-onnx, bentoml, mlflow, fastapi"
    assert refused(lambda: chosen("ours,torchserve")) == f"--only: torchserve not known; known are {known}"


def test_numbers_are_positive_and_in_order() -> None:
    assert numbers("--clients", "64,1,8,8") == [1, 8, 64]
    for text in ("", "1,", "0", "a", "-1", "1.5"):
        assert "is not a list of positive numbers" in refused(lambda text=text: numbers("--clients", text))

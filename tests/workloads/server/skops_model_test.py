"""A classifier that is stored by skops: served as one in ONNX is, and made of nothing but types that are trusted."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from skops import io

from tests.workloads.conftest import TRUSTED
from tests.workloads.server.conftest import Server
from workloads import server
from workloads.server import check
from workloads.server.inference import model_metadata
from workloads.server.model import ModelRefusedError, TensorSpec, load

EXAMPLE = {"width": 1.0, "height": 1.0}
MARKING = """
from pathlib import Path

Path({imported!r}).touch()

class Distance:
    def __reduce__(self):
        return Path.touch, (Path({ran!r}),)

    def __setstate__(self, state):
        Path({ran!r}).touch()
"""
skops: Any = io


@pytest.fixture
def folder(skops_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(skops_folder, tmp_path / "model")


def trust(monkeypatch: pytest.MonkeyPatch, *types: str) -> None:
    monkeypatch.setenv("MODEL_TRUSTED", json.dumps(types))


def test_it_takes_and_gives_what_a_classifier_in_onnx_does(skops_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, *TRUSTED)
    model = load(skops_folder, threads=1)
    assert model.inputs == (TensorSpec("input", "FP64", (-1, 2)),)
    assert model.outputs == (TensorSpec("label", "BYTES", (-1,)), TensorSpec("probabilities", "FP64", (-1, 2)))
    assert (model.features, model.classes) == (("width", "height"), ("large", "small"))
    answer = model.run({"input": np.array([[1.0, 1.0], [9.0, 9.0]])})
    assert answer["label"].tolist() == ["small", "large"]
    assert answer["probabilities"].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert model_metadata(model)["platform"] == "sklearn_skops"


def test_the_check_compares_it_with_the_native_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, *TRUSTED)
    report = check.examine(folder, EXAMPLE)
    assert (report["problems"], report["rows"], report["answer"]["predictions"]) == ([], 4, ["small"])
    other: Any = KNeighborsClassifier(n_neighbors=4, metric="canberra")
    other.fit(np.array([[1.0, 1.0], [1.5, 1.0], [8.0, 9.0], [9.0, 9.5]]), ["small", "small", "large", "large"])
    (folder / "serving/model.skops").write_bytes(skops.dumps(other))
    (problem, *_) = check.examine(folder, EXAMPLE)["problems"]
    assert "held-out rows is not what the native model answered (scikit-learn 1." in problem


@pytest.mark.parametrize("trusted", [[], TRUSTED[:1]])
def test_types_that_the_release_does_not_trust_are_named_with_what_to_do(
    trusted: list[str], skops_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, *trusted)
    (problem,) = check.examine(skops_folder, EXAMPLE)["problems"]
    missing = [name for name in TRUSTED if name not in trusted]
    assert f"made of types that the release does not trust: {', '.join(missing)};" in problem
    assert "add them to serving.trusted in workload.yaml and release the version anew" in problem
    assert "or serve the model as ONNX" in problem


def test_without_the_variable_nothing_more_is_trusted(skops_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODEL_TRUSTED", raising=False)
    with pytest.raises(ModelRefusedError, match="does not trust: sklearn"):
        load(skops_folder)


def of_a_class(tmp_path: Path) -> Any:
    """An object whose class runs code when it is made again."""
    code = MARKING.format(imported=str(tmp_path / "imported"), ran=str(tmp_path / "ran"))
    (tmp_path / "marking.py").write_text(code)
    made = importlib.import_module("marking").Distance()
    made.power = 2
    return made


def of_a_command(tmp_path: Path) -> Any:
    """What would run a command for each row."""
    return partial(subprocess.run, ["touch", str(tmp_path / "ran")])


@pytest.mark.parametrize("payload", [of_a_class, of_a_command])
def test_of_a_type_that_is_not_trusted_nothing_runs(
    payload: Callable[[Path], Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    model: Any = KNeighborsClassifier(n_neighbors=1, metric="canberra").fit([[1.0, 1.0], [8.0, 9.0]], ["a", "b"])
    model.metric_params = {"p": payload(tmp_path)}
    (folder / "serving/model.skops").write_bytes(skops.dumps(model))
    sys.modules.pop("marking", None)
    for mark in ("imported", "ran"):
        (tmp_path / mark).unlink(missing_ok=True)
    trust(monkeypatch, *TRUSTED)
    with pytest.raises(ModelRefusedError, match=r"does not trust: .*(marking\.Distance|subprocess\.run)"):
        load(folder)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "imported").exists()


def test_the_class_of_that_test_runs_code_where_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "again.skops").write_bytes(skops.dumps(of_a_class(tmp_path)))
    (tmp_path / "ran").unlink(missing_ok=True)
    skops.load(tmp_path / "again.skops", trusted=["marking.Distance"])
    sys.modules.pop("marking", None)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_file_of_skops_is_refused(folder: Path, content: bytes) -> None:
    (folder / "serving/model.skops").write_bytes(content)
    with pytest.raises(ModelRefusedError, match="the model can't be loaded"):
        load(folder)


def test_an_image_without_skops_says_in_which_one_it_is_served(
    skops_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "workloads.server.skops_model", raising=False)
    monkeypatch.delattr(server, "skops_model", raising=False)
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(ModelRefusedError, match=r"stored as serving/model\.skops.*say serving\.format: skops"):
        load(skops_folder)


def test_a_server_answers_from_it(start_server: Callable[..., Server], skops_folder: Path) -> None:
    started = start_server(str(skops_folder), MODEL_TRUSTED=json.dumps(TRUSTED))
    with httpx.Client(base_url=f"http://{started.address}", timeout=30, trust_env=False) as client:
        assert client.get("/v2/models/box").raise_for_status().json()["platform"] == "sklearn_skops"
        rows = [{"width": 1, "height": 1}, {"width": 9, "height": 9}]
        answer = client.post("/predict", json=rows).raise_for_status().json()
        assert answer["predictions"] == ["small", "large"]
        assert answer["model_name"] == "box"
        assert client.post("/predict", json={"width": "wide", "height": 1}).status_code == 400

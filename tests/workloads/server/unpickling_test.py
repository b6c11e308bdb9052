"""What the serving image runs unpickles nothing: not where a pickle is among a model's files, and not where it is in
place of one."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.conftest import TRUSTED

SKOPS_FILES = ["serving/model.skops", "serving/held_out.npz"]
FILES = ["model.pkl", "serving/model.pkl", "serving/model.onnx", "serving/model.json", "serving/held_out.npz"]
GUARDED = """
import builtins, json, pickle, _pickle, sys
from pathlib import Path

def refuse(*_, **__):
    raise SystemExit("something was unpickled")

class Refused:
    dispatch = {}  # joblib's own begins with it

    def __init__(self, *_, **__):
        refuse()

for module in (pickle, _pickle):
    module.load = module.loads = refuse
    module.Unpickler = Refused
pickle._load = pickle._loads = refuse
pickle._Unpickler = Refused

from workloads.server import check, loader
from workloads.server.model import ModelRefusedError, load

answers = []
for folder in map(Path, sys.argv[1:]):
    try:
        answer = load(folder).run({"input": __import__("numpy").array([[1.0, 1.0]])})["label"].tolist()
    except ModelRefusedError as error:
        answer = str(error)
    answers.append([answer, check.examine(folder, {"width": 1.0, "height": 1.0})])
absent = ["joblib", "cloudpickle", "sklearn", "pandas", "scipy", "mlflow", "skops", "torch"]
print(json.dumps([answers, [name for name in absent if name in sys.modules]]))
"""


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


@dataclass(frozen=True)
class Guarded:
    """What a process said of folders of models, in which whatever unpickles ends it."""

    answers: dict[str, tuple[list[str] | str, dict[str, Any]]]
    """Label of small things, and the report of the check, by the file that has a pickle in its place; "": no file."""
    ran: set[str]
    """Of those files the ones whose pickle ran."""
    imported: set[str]
    """Libraries that the image that serves ONNX has not."""


def run_guarded(model: Path, files: Sequence[str], folder: Path, **variables: str) -> Guarded:
    """One process for all, each with another copy of the model: its libraries take longer to load than the model."""
    copies = {file: shutil.copytree(model, folder / str(index)) for index, file in enumerate(files)}
    markers = {file: folder / f"ran{index}" for index, file in enumerate(files)}
    for file in filter(None, files):
        (copies[file] / file).write_bytes(pickle.dumps(Payload(markers[file])))
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, *map(str, copies.values())],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers, imported = json.loads(done.stdout)
    ran = {file for file, marker in markers.items() if marker.exists()}
    return Guarded(dict(zip(files, answers, strict=True)), ran, set(imported))


@pytest.fixture(scope="module")
def of_skops(skops_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    folder = tmp_path_factory.mktemp("skops")
    return run_guarded(skops_folder, ["", *SKOPS_FILES], folder, MODEL_TRUSTED=json.dumps(TRUSTED))


@pytest.fixture(scope="module")
def of_onnx(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    return run_guarded(model_folder, FILES, tmp_path_factory.mktemp("onnx"))


def test_a_model_of_skops_is_loaded_without_a_pickle(of_skops: Guarded) -> None:
    answer, report = of_skops.answers[""]
    assert (answer, report["problems"]) == (["small"], [])
    assert {"sklearn", "skops"} <= of_skops.imported
    assert not {"mlflow", "torch"} & of_skops.imported


@pytest.mark.parametrize("file", SKOPS_FILES)
def test_a_pickle_in_place_of_a_file_of_skops_is_never_loaded(file: str, of_skops: Guarded) -> None:
    _, report = of_skops.answers[file]
    assert "can't be" in report["problems"][0]
    assert file not in of_skops.ran


@pytest.mark.parametrize("file", FILES)
def test_a_pickle_in_a_models_folder_is_never_loaded(file: str, of_onnx: Guarded) -> None:
    answer, report = of_onnx.answers[file]
    assert file not in of_onnx.ran
    if file.endswith(".pkl"):
        assert (answer, report["problems"]) == (["small"], [])
    else:
        assert "can't be" in report["problems"][0]


def test_a_model_in_onnx_is_loaded_without_the_libraries_that_trained_it(of_onnx: Guarded) -> None:
    assert of_onnx.imported == set()


def test_the_payload_works_where_it_is_unpickled(tmp_path: Path) -> None:
    """The control."""
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()

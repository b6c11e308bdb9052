"""What the serving image runs unpickles nothing: not where a pickle is among a model's files, and not where it is in
place of one."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.conftest import TRUSTED

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

folder = Path(sys.argv[1])
try:
    answer = load(folder).run({"input": __import__("numpy").array([[1.0, 1.0]])})["label"].tolist()
except ModelRefusedError as error:
    answer = str(error)
report = check.examine(folder, {"width": 1.0, "height": 1.0})
absent = ["joblib", "cloudpickle", "sklearn", "pandas", "scipy", "mlflow", "skops", "torch"]
print(json.dumps([answer, report, [name for name in absent if name in sys.modules]]))
"""


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


def run_guarded(folder: Path, tmp_path: Path, **variables: str) -> tuple[str, dict[str, Any], list[str]]:
    """The label of small things, the report of the check, and which libraries were imported that the image that serves
    ONNX has not. Whatever unpickles ends the process."""
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(folder)],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, report, imported = json.loads(done.stdout)
    return answer, report, imported


def test_a_model_of_skops_is_loaded_without_a_pickle(skops_folder: Path, tmp_path: Path) -> None:
    answer, report, imported = run_guarded(skops_folder, tmp_path, MODEL_TRUSTED=json.dumps(TRUSTED))
    assert (answer, report["problems"]) == (["small"], [])
    assert {"sklearn", "skops"} <= set(imported)
    assert not {"mlflow", "torch"} & set(imported)


@pytest.mark.parametrize("file", ["serving/model.skops", "serving/held_out.npz"])
def test_a_pickle_in_place_of_a_file_of_skops_is_never_loaded(file: str, skops_folder: Path, tmp_path: Path) -> None:
    folder, marker = shutil.copytree(skops_folder, tmp_path / "model"), tmp_path / "ran"
    (folder / file).write_bytes(pickle.dumps(Payload(marker)))
    _, report, _ = run_guarded(folder, tmp_path, MODEL_TRUSTED=json.dumps(TRUSTED))
    assert "can't be" in report["problems"][0]
    assert not marker.exists()


@pytest.mark.parametrize(
    "place",
    [
        "model.pkl",
        "serving/model.pkl",
        "serving/model.onnx",
        "serving/model.json",
        "serving/held_out.npz",
    ],
)
def test_a_pickle_in_a_models_folder_is_never_loaded(place: str, model_folder: Path, tmp_path: Path) -> None:
    folder, marker = shutil.copytree(model_folder, tmp_path / "model"), tmp_path / "ran"
    (folder / place).write_bytes(pickle.dumps(Payload(marker)))
    answer, report, imported = run_guarded(folder, tmp_path)
    assert imported == []
    assert not marker.exists()
    if place.endswith(".pkl"):
        assert (answer, report["problems"]) == (["small"], [])
    else:
        assert "can't be" in report["problems"][0]


def test_the_payload_works_where_it_is_unpickled(tmp_path: Path) -> None:
    """The control."""
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()

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

import pytest

GUARDED = """
import builtins, json, pickle, _pickle, sys
from pathlib import Path

def refuse(*_, **__):
    raise SystemExit("something was unpickled")

class Refused:
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
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(folder)],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, report, imported = json.loads(done.stdout)
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

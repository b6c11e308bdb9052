from pathlib import Path

import pytest

from scripts.benchmarks.serving.model import published, trained
from workloads.artifacts import folder_digest
from workloads.server.model import read_pin


@pytest.mark.filterwarnings("ignore")
def test_all_forms_are_of_one_model_and_ours_is_signed_where_it_lies(tmp_path: Path) -> None:
    made = trained(tmp_path / "model")
    assert {"model.onnx", "model.json"} <= {path.name for path in made.onnx.iterdir()}
    assert (made.native / "model.joblib").is_file()
    assert (made.mlflow / "MLmodel").is_file()
    assert len(made.some(100)[99]) == len(made.features) == 4
    pin = read_pin(published(made, tmp_path / "store"))
    pin.trust.require(pin.statement, pin.signature)
    stored = tmp_path / "store" / pin.uri.removeprefix("s3://")
    assert folder_digest(stored) == pin.digest

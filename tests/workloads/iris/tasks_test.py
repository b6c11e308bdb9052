# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
import io
import json
from pathlib import Path
from typing import Any

import pytest

from workloads import catalog, continuous
from workloads.artifacts import data_key, split_s3
from workloads.experiment import TrainingError
from workloads.iris import tasks, train

IRIS = catalog.load("iris")


class Store:
    """As much of an S3 client as tasks need."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        found = [key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix)]
        return {"Contents": [{"Key": key} for key in found[:MaxKeys]]}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str) -> None:
        assert (ContentType, IfNoneMatch) == ("text/csv", "*")
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(tasks, "object_store", lambda: made)
    return made


def environ() -> dict[str, str]:
    assert IRIS.data.file
    document = {
        "workload": "iris",
        "model": "iris",
        "data": {
            "address": f"s3://raw/{data_key('iris', IRIS.data.digest, IRIS.data.file)}",
            "digest": IRIS.data.digest,
        },
        "parameters": IRIS.parameters.model_dump(),
    }
    return {"GROUNDWORK_TRAINING": json.dumps(document), "GROUNDWORK_FEATURES": "s3://features/iris"}


def test_a_split_is_the_same_after_it_was_stored() -> None:
    parts = train.IRIS.split(train.seed_data(), seed=1, test_size=0.3)
    read = tasks.read_split(tasks.split_files(parts))
    for name in ("x_train", "x_test", "y_train", "y_test"):
        assert getattr(read, name).equals(getattr(parts, name)), name
        assert list(getattr(read, name).index) == list(getattr(parts, name).index)


def test_features_are_handed_on_by_address_and_lie_there(store: Store) -> None:
    address = tasks.feature_engineering(environ())
    assert address.startswith("s3://features/iris/")
    rows = {part: store.objects[split_s3(f"{address}/{part}.csv")].splitlines() for part in tasks.PARTS}
    assert {part: len(lines) - 1 for part, lines in rows.items()} == {"train": 105, "held_out": 45}


def test_the_same_data_lie_at_the_same_address(store: Store) -> None:
    first = tasks.feature_engineering(environ())
    before = dict(store.objects)
    assert tasks.feature_engineering(environ()) == first
    assert store.objects == before


def test_an_unknown_model_is_no_model_to_train() -> None:
    with pytest.raises(TrainingError, match="model 'SVC' is unknown"):
        tasks.train(environ(), "SVC", "s3://features/iris/x")


@pytest.mark.parametrize(
    ("forest", "boosting", "winner"),
    [("0.97", "0.95", "RandomForest"), ("0.9", "0.95", "GradientBoosting"), ("0.95", "0.95", "GradientBoosting")],
)
def test_the_selection_returns_the_winners_name(forest: str, boosting: str, winner: str) -> None:
    assert tasks.select_best_model(f"RandomForest={forest}", f"GradientBoosting={boosting}") == winner


@pytest.mark.parametrize(
    ("performances", "message"),
    [
        (("RandomForest=0.9",), "expected those of"),
        (("RandomForest=0.9", "GradientBoosting=None"), "expected MODEL=ACCURACY for each model"),
        (("RandomForest=0.9", "SVC=0.9"), "model 'SVC' is unknown"),
        ((), "expected those of"),
    ],
)
def test_a_selection_needs_the_accuracy_of_each_known_model(performances: tuple[str, ...], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        tasks.select_best_model(*performances)


def test_a_result_is_written_where_the_sidecar_looks(tmp_path: Path) -> None:
    result = tmp_path / "return.json"
    continuous.run(tasks.tasks({}), ["select_best_model", "RandomForest=1", "GradientBoosting=1"], result)
    assert json.loads(result.read_text()) == "GradientBoosting"
    assert str(continuous.RESULT) == "/airflow/xcom/return.json"


@pytest.mark.parametrize("arguments", [[], ["trian"]])
def test_an_unknown_task_is_refused_with_the_known_ones(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is unknown; known: feature_engineering, train, select_best_model"):
        continuous.run(tasks.tasks({}), arguments, tmp_path / "return.json")

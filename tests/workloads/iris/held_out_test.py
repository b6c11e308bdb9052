"""The rows by which a release is measured: from the document of a training to the machine that releases."""

import json
from typing import Any

import pytest

from scripts.cli.delivery.held_out import NoRows, read_rows
from workloads import catalog, classification, experiment
from workloads.iris import train

IRIS = catalog.load("iris")
CONTENT = train.seed_data()


def document(**data: Any) -> str:
    address = f"s3://raw/sha256/{IRIS.data.digest}/iris.csv"
    return json.dumps(
        {
            "workload": "iris",
            "model": "iris",
            "data": {"address": address, "digest": IRIS.data.digest, **data},
            "parameters": IRIS.parameters.model_dump(),
        }
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, store: Any) -> None:
    monkeypatch.setattr(classification, "object_store", lambda: store)
    monkeypatch.setenv("GROUNDWORK_TRAINING", document())


def test_the_rows_are_those_that_the_training_holds_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert classification.print_held_out(train.IRIS) == 0
    rows = read_rows(capsys.readouterr().out, IRIS)
    parts = train.IRIS.split(CONTENT, seed=IRIS.parameters.seed, test_size=IRIS.parameters.test_size)
    assert [row[train.TARGET] for row in rows] == list(parts.y_test)
    assert [float(row["petal_width"]) for row in rows] == list(parts.x_test["petal_width"])


def test_other_data_than_the_document_names_gives_no_rows(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config = experiment.read_config(document())
    bucket, key = config.data_address.removeprefix("s3://").split("/", 1)
    store.put_object(Bucket=bucket, Key=key, Body=CONTENT + b"5,3,1,0.2,setosa\n")
    assert classification.print_held_out(train.IRIS) == 1
    with pytest.raises(NoRows, match="no line of the Job's log is the header"):
        read_rows(capsys.readouterr().out, IRIS)


def test_of_many_rows_as_many_are_taken_as_a_log_has_and_the_same_each_time() -> None:
    rows = CONTENT.splitlines(keepends=True)
    parts = train.IRIS.split(b"".join([rows[0], *rows[1:] * 30]), seed=1, test_size=0.5)
    assert len(parts.x_test) > experiment.HELD_OUT_LIMIT
    sampled = [train.IRIS.held_out_csv(parts, seed=1) for _ in range(2)]
    assert len(sampled[0].splitlines()) == experiment.HELD_OUT_LIMIT + 1
    assert sampled[0] == sampled[1] != train.IRIS.held_out_csv(parts, seed=2)

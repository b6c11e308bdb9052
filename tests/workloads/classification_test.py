"""Every workload that classifies rows, from its declaration to what the model server answers."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.neighbours import store
from tests.workloads.tables import fitted, split
from workloads import catalog
from workloads.cancer.train import CANCER
from workloads.classification import Classification, Split, highest_accuracy
from workloads.digits.train import DIGITS
from workloads.documents import training_document
from workloads.experiment import Config, TrainingError, read_config
from workloads.iris.train import IRIS
from workloads.neighbours.train import NEIGHBOURS
from workloads.screening.train import SCREENING
from workloads.server import model
from workloads.wine.train import WINE

TOLERANCE = 1e-6
STORE = store()
EVERY = {
    "cancer": CANCER,
    "digits": DIGITS,
    "iris": IRIS,
    "neighbours": NEIGHBOURS,
    "screening": SCREENING,
    "wine": WINE,
}
CASES = [(name, model) for name, what in EVERY.items() for model in what.classifiers]


def parts(name: str) -> Split:
    return split(name, EVERY[name])


def config(name: str) -> Config:
    """What a training of the workload reads."""
    return read_config(json.dumps(training_document(catalog.load(name), STORE)))


def test_every_workload_is_here() -> None:
    assert sorted(EVERY) == catalog.known()


@pytest.mark.parametrize(("name", "what"), EVERY.items(), ids=EVERY)
def test_the_example_and_the_hyperparameters_are_of_what_is_trained(name: str, what: Classification) -> None:
    workload = catalog.load(name)
    assert list(workload.serving.example) == list(what.features)
    assert set(workload.parameters.models) == set(what.classifiers)


@pytest.mark.parametrize(("name", "classifier"), CASES)
def test_the_model_server_answers_as_the_trained_model_does(
    name: str, classifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, configured = EVERY[name], config(name)
    if what.library == "torch":
        pytest.importorskip("torch")
    trained, rows = fitted(name, what, classifier), parts(name)
    what.add_served_form(tmp_path, configured, classifier, trained, rows.x_test)
    monkeypatch.setenv("MODEL_TRUSTED", json.dumps(configured.trusted))
    served = model.load(tmp_path)
    found = served.run({"input": rows.x_test.to_numpy(dtype=np.float64)})
    assert served.features == tuple(what.features)
    assert served.library.startswith(f"{what.library} ")
    assert list(found["label"]) == [str(label) for label in trained.predict(rows.x_test)]
    assert np.abs(found["probabilities"] - trained.predict_proba(rows.x_test)).max() <= TOLERANCE


def test_of_equally_good_models_the_first_is_best() -> None:
    assert highest_accuracy({"a": 0.9, "b": 0.95, "c": 0.95}) == "b"


def test_a_model_without_an_onnx_form_ends_the_training_with_the_reason() -> None:
    from lightgbm import LGBMClassifier

    rows = parts("cancer")
    linear: Any = LGBMClassifier(n_estimators=3, verbose=-1, linear_tree=True).fit(rows.x_train, rows.y_train)
    with pytest.raises(TrainingError, match=r"parameters\.models\.LGBMClassifier: LightGBM: linear trees can't be"):
        CANCER.converted("LGBMClassifier", linear)


def test_a_model_of_another_library_is_not_served_from_skops(tmp_path: Path) -> None:
    configured = replace(config("neighbours"), parameters=config("wine").parameters)
    with pytest.raises(
        TrainingError, match=r"XGBClassifier: serving\.format: skops serves models of scikit-learn alone"
    ):
        WINE.add_served_form(tmp_path, configured, "XGBClassifier", None, parts("wine").x_test)


def test_of_a_model_that_skops_does_not_store_either_both_reasons_are_given() -> None:
    def refuse(_: Any) -> bytes:
        raise ValueError("it has no ONNX form")

    both = replace(IRIS, graph=refuse)
    with pytest.raises(TrainingError) as refused:
        both.converted("RandomForestClassifier", (row for row in ()))
    assert "RandomForestClassifier: it has no ONNX form. Nor can it be served from skops: generator" in str(
        refused.value
    )

"""XGBoost and LightGBM as ONNX answer as they do themselves, on rows at their thresholds too."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

import json
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from sklearn.datasets import load_breast_cancer, load_wine
from xgboost import XGBClassifier

from workloads.boosted_trees import lightgbm_graph, xgboost_graph

TOLERANCE = 1e-6
DATA: dict[int, Any] = {2: load_breast_cancer(as_frame=True), 3: load_wine(as_frame=True)}
"""By the number of classes."""
Kind = tuple[Callable[..., Any], Callable[[Any], bytes], Callable[[Any], Iterator[tuple[int, float]]]]


def thresholds_of_xgboost(model: Any) -> Iterator[tuple[int, float]]:
    trees = json.loads(model.get_booster().save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
    for tree in trees:
        for feature, threshold, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        ):
            if left != -1:
                yield feature, threshold


def thresholds_of_lightgbm(model: Any) -> Iterator[tuple[int, float]]:
    table = model.booster_.trees_to_dataframe()
    names = model.booster_.feature_name()
    for name, threshold in table[["split_feature", "threshold"]].dropna().itertuples(index=False):
        yield names.index(name), threshold


KINDS: dict[str, Kind] = {
    "xgboost": (XGBClassifier, xgboost_graph, thresholds_of_xgboost),
    "lightgbm": (partial(LGBMClassifier, verbose=-1), lightgbm_graph, thresholds_of_lightgbm),
}


@pytest.fixture(
    params=[(name, classes) for name in KINDS for classes in DATA], ids=lambda param: f"{param[0]}-{param[1]}"
)
def trained(request: pytest.FixtureRequest) -> tuple[Any, bytes, pd.DataFrame, Iterator[tuple[int, float]]]:
    """A fitted model, its graph, the rows that it was fitted to, and its thresholds by feature."""
    name, classes = request.param
    make, graph_of, thresholds_of = KINDS[name]
    rows, labels = DATA[classes].data, DATA[classes].target
    model = make(n_estimators=15, random_state=1, n_jobs=1).fit(rows, labels)
    return model, graph_of(model), rows, thresholds_of(model)


def answer(graph: bytes, rows: pd.DataFrame) -> NDArray[Any]:
    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": rows.to_numpy(dtype=np.float64)})
    return np.asarray(found)


def at_thresholds(rows: pd.DataFrame, thresholds: Iterator[tuple[int, float]]) -> pd.DataFrame:
    """Rows with one value each at a threshold, or the next number below or above it, in either precision."""
    found: list[NDArray[Any]] = []
    for number, (feature, threshold) in enumerate(thresholds):
        single = np.float32(threshold)
        below, above = -np.inf, np.inf
        values = [threshold, np.nextafter(threshold, below), np.nextafter(threshold, above)]
        values += [single, np.nextafter(single, np.float32(below)), np.nextafter(single, np.float32(above))]
        for value in values:
            row = rows.iloc[number % len(rows)].to_numpy(dtype=np.float64, copy=True)
            row[feature] = value
            found.append(row)
    return pd.DataFrame(np.array(found), columns=rows.columns)


def test_the_graph_answers_as_the_model_does(trained: Any) -> None:
    model, graph, rows, thresholds = trained
    for asked in (rows, at_thresholds(rows, thresholds)):
        expected, found = model.predict_proba(asked), answer(graph, asked)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_the_graph_takes_and_gives_what_a_classifier_over_columns_does(trained: Any) -> None:
    model, graph, _, _ = trained
    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    ((taken,), (given,)) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape[1]) == ("input", "tensor(double)", model.n_features_in_)
    assert (given.name, given.shape[1]) == ("probabilities", len(model.classes_))
    assert not isinstance(taken.shape[0], int)
    assert not isinstance(given.shape[0], int)


@pytest.mark.parametrize("name", KINDS)
def test_the_same_model_gives_the_same_bytes(name: str) -> None:
    make, graph_of, _ = KINDS[name]
    model = make(n_estimators=5, random_state=1, n_jobs=1).fit(DATA[3].data, DATA[3].target)
    assert graph_of(model) == graph_of(model)


def test_the_conversion_leaves_the_names_of_the_columns_to_the_model() -> None:
    model = XGBClassifier(n_estimators=2).fit(DATA[3].data, DATA[3].target)
    xgboost_graph(model)
    assert model.get_booster().feature_names == list(DATA[3].data.columns)


def test_labels_may_be_texts() -> None:
    labels = DATA[2].target_names[DATA[2].target]
    model = LGBMClassifier(n_estimators=5, verbose=-1).fit(DATA[2].data, labels)
    assert list(model.classes_) == ["benign", "malignant"]
    assert np.abs(answer(lightgbm_graph(model), DATA[2].data) - model.predict_proba(DATA[2].data)).max() <= TOLERANCE


def test_a_tree_that_found_nothing_to_split_is_one_leaf() -> None:
    model = LGBMClassifier(n_estimators=2, min_child_samples=400, verbose=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(DATA[2].data, DATA[2].target)
    assert np.abs(answer(lightgbm_graph(model), DATA[2].data) - model.predict_proba(DATA[2].data)).max() <= TOLERANCE


@pytest.mark.parametrize("trained_with_gaps", [True, False])
def test_a_value_that_is_no_number_goes_where_the_model_sends_it(trained_with_gaps: bool) -> None:
    rows = DATA[2].data.copy()
    gaps = rows.copy()
    gaps.iloc[::7, ::3] = np.nan
    model = LGBMClassifier(n_estimators=20, verbose=-1).fit(gaps if trained_with_gaps else rows, DATA[2].target)
    assert np.abs(answer(lightgbm_graph(model), gaps) - model.predict_proba(gaps)).max() <= TOLERANCE


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "random forests"),
        ({"linear_tree": True}, "linear trees"),
        ({"objective": "cross_entropy"}, "the objective 'cross_entropy'"),
        ({"zero_as_missing": True}, "'Zero' for missing values"),
    ],
)
def test_what_the_graph_could_not_answer_alike_is_refused(parameters: dict[str, Any], problem: str) -> None:
    rows = DATA[2].data.copy()
    rows.iloc[::5] = 0.0
    model = LGBMClassifier(n_estimators=3, num_leaves=4, verbose=-1, **parameters).fit(rows, DATA[2].target)
    with pytest.raises(ValueError, match=problem):
        lightgbm_graph(model)

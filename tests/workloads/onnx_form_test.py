"""Each kind of classifier answers as ONNX what it answers natively, and is the same bytes for the same training."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as onnxruntime_library
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.tree import DecisionTreeClassifier

from modules.core.paths import REPOSITORY
from workloads.artifacts import folder_digest
from workloads.experiment import TrainingError
from workloads.onnx_form import add_classifier, from_scikit_learn

onnxruntime: Any = onnxruntime_library

CLASSIFIERS: list[Any] = [
    RandomForestClassifier(n_estimators=20, random_state=1),
    ExtraTreesClassifier(n_estimators=20, random_state=1),
    GradientBoostingClassifier(n_estimators=20, random_state=1),
    HistGradientBoostingClassifier(max_iter=20, random_state=1),
    DecisionTreeClassifier(random_state=1),
    make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=20, random_state=1)),
    CalibratedClassifierCV(RandomForestClassifier(n_estimators=5, random_state=1), cv=2),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


def measured() -> tuple[Any, Any]:
    """Values with one decimal, of which many are thresholds of trees: halfway between two others."""
    bundle: Any = load_iris()
    return bundle.data, bundle.target


def synthetic() -> tuple[Any, Any]:
    values, classes = make_classification(300, 10, n_informative=5, random_state=0)
    return np.round(values, 1), np.array(["no", "yes"])[classes]


@pytest.mark.parametrize("data", [measured, synthetic])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: type(model).__name__)
def test_probabilities_are_the_native_ones_within_a_millionth(model: Any, data: Any) -> None:
    x, y = data()
    model.fit(x[::2], y[::2])
    session = onnxruntime.InferenceSession(from_scikit_learn(model, x.shape[1]), providers=["CPUExecutionProvider"])
    assert [(each.name, each.type, each.shape) for each in session.get_inputs()] == [
        ("input", "tensor(double)", [None, x.shape[1]])
    ]
    (output,) = session.get_outputs()
    assert (output.name, output.type) == ("probabilities", "tensor(float)")
    (found,) = session.run(None, {"input": x})
    assert np.abs(found - model.predict_proba(x)).max() < 1e-6
    assert (model.classes_[found.argmax(axis=1)] == model.predict(x)).all()


def digest_of_a_training() -> str:
    model: Any = RandomForestClassifier(n_estimators=3, random_state=1).fit(*measured())
    return hashlib.sha256(from_scikit_learn(model, 4)).hexdigest()


def test_the_same_training_in_another_process_gives_the_same_bytes() -> None:
    program = f"from {__name__} import digest_of_a_training; print(digest_of_a_training())"
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=REPOSITORY,
        env={"PYTHONHASHSEED": "1"},  # this process has another one
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == f"{digest_of_a_training()}\n"


def test_the_files_of_the_same_model_have_the_same_digest(tmp_path: Path) -> None:
    x, y = synthetic()
    rows = pd.DataFrame(x, columns=[f"column-{number}" for number in range(x.shape[1])])
    model: Any = RandomForestClassifier(n_estimators=3, random_state=1).fit(rows, y)
    graph, digests = from_scikit_learn(model, x.shape[1]), set[str]()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        add_classifier(tmp_path / name, model, rows, graph=graph, library="scikit-learn")
        digests.add(folder_digest(tmp_path / name))
    assert len(digests) == 1


def test_what_has_no_onnx_form_is_refused_by_name() -> None:
    model: Any = LabelSpreading().fit(*measured())
    with pytest.raises(TrainingError, match="LabelSpreading can't be converted to ONNX"):
        from_scikit_learn(model, 4)

"""Trains iris: two classifiers on the same split, both logged to MLflow, the better one registered as champion.

`python -m workloads.iris.train`.
"""
# scikit-learn leaves most of its arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import sys
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import accuracy_score

from workloads import classification, onnx_form
from workloads.classification import Classification
from workloads.iris.selection import BOOSTING, FOREST, select_best

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
TARGET = "species"


def seed_data() -> bytes:
    """Return scikit-learn's iris, species by name."""
    from sklearn.datasets import load_iris

    bundle: Any = load_iris()
    return classification.table_csv([*FEATURES, TARGET], bundle.data, bundle.target_names[bundle.target])


def staged_accuracies(model: Any, x: Any, y: Any) -> list[float]:
    """Held-out accuracy with the first 1, 2, ... n trees or boosting stages of a fitted model."""
    if isinstance(model, GradientBoostingClassifier):
        return [float(accuracy_score(y, predicted)) for predicted in model.staged_predict(x)]
    votes = np.cumsum([tree.predict_proba(x.to_numpy()) for tree in model.estimators_], axis=0)
    return [float(accuracy_score(y, model.classes_[stage.argmax(axis=1)])) for stage in votes]


IRIS = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={FOREST: RandomForestClassifier, BOOSTING: GradientBoostingClassifier},
    library="scikit-learn",
    graph=lambda model: onnx_form.from_scikit_learn(model, len(FEATURES)),
    select=select_best,
    staged=staged_accuracies,
)

if __name__ == "__main__":
    sys.exit(classification.run_training(IRIS))

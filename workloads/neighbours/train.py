"""Trains neighbours by scikit-learn: `python -m workloads.neighbours.train`."""

import sys
from typing import Any

from sklearn.neighbors import KNeighborsClassifier

from workloads import classification, onnx_form
from workloads.classification import Classification
from workloads.wine.train import FEATURES, TARGET, seed_data


def build(random_state: int, **parameters: Any) -> KNeighborsClassifier:
    """Nothing of it is random."""
    del random_state
    return KNeighborsClassifier(**parameters)


NEIGHBOURS = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={"KNeighborsClassifier": build},
    library="scikit-learn",
    graph=lambda model: onnx_form.from_scikit_learn(model, len(FEATURES)),
)

if __name__ == "__main__":
    sys.exit(classification.run_training(NEIGHBOURS))

"""Trains cancer by LightGBM: `python -m workloads.cancer.train`."""

# scikit-learn leaves most of its results untyped.
# pyright: reportUnknownVariableType=false

import sys
from functools import partial
from typing import Any

from lightgbm import LGBMClassifier

from workloads import classification
from workloads.boosted_trees import lightgbm_graph
from workloads.classification import Classification

MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
FEATURES = [
    *(f"mean_{name}" for name in MEASURES),
    *(f"{name}_error" for name in MEASURES),
    *(f"worst_{name}" for name in MEASURES),
]
TARGET = "diagnosis"


def seed_data() -> bytes:
    """Return scikit-learn's data set, diagnosis by name."""
    from sklearn.datasets import load_breast_cancer

    bundle: Any = load_breast_cancer()
    return classification.table_csv([*FEATURES, TARGET], bundle.data, bundle.target_names[bundle.target])


CANCER = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={"LGBMClassifier": partial(LGBMClassifier, verbose=-1)},
    library="lightgbm",
    graph=lightgbm_graph,
)

if __name__ == "__main__":
    sys.exit(classification.run_training(CANCER))

"""Trains wine by XGBoost: `python -m workloads.wine.train`."""

# scikit-learn leaves most of its results untyped.
# pyright: reportUnknownVariableType=false

import sys
from typing import Any

from xgboost import XGBClassifier

from workloads import classification
from workloads.boosted_trees import xgboost_graph
from workloads.classification import Classification

FEATURES = [
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280_od315",
    "proline",
]
TARGET = "cultivar"


def seed_data() -> bytes:
    """Return scikit-learn's data set, cultivar by number, as scikit-learn has it: XGBoost takes no texts."""
    from sklearn.datasets import load_wine

    bundle: Any = load_wine()
    return classification.table_csv([*FEATURES, TARGET], bundle.data, bundle.target)


WINE = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={"XGBClassifier": XGBClassifier},
    library="xgboost-cpu",
    graph=xgboost_graph,
)

if __name__ == "__main__":
    sys.exit(classification.run_training(WINE))

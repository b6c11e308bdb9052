"""Trains digits by PyTorch: `python -m workloads.digits.train`."""

# scikit-learn leaves most of its results untyped.
# pyright: reportUnknownVariableType=false

import sys
from typing import Any

from workloads import classification
from workloads.classification import Classification
from workloads.digits.network import SIDE, ConvolutionalNetwork, network_graph

FEATURES = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
TARGET = "digit"


def seed_data() -> bytes:
    """Return scikit-learn's data set: images as rows of pixels, digit by number."""
    from sklearn.datasets import load_digits

    bundle: Any = load_digits()
    return classification.table_csv([*FEATURES, TARGET], bundle.data, bundle.target)


DIGITS = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={"ConvolutionalNetwork": ConvolutionalNetwork},
    library="torch",
    graph=network_graph,
)

if __name__ == "__main__":
    sys.exit(classification.run_training(DIGITS))

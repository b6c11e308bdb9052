"""Trains screening on a version of a table: `python -m workloads.screening.train`."""

import sys

from sklearn.ensemble import RandomForestClassifier

from workloads import classification, onnx_form
from workloads.cancer.train import FEATURES, TARGET, seed_data
from workloads.classification import Classification

SCREENING = Classification(
    features=FEATURES,
    target=TARGET,
    seed_data=seed_data,
    classifiers={"RandomForestClassifier": RandomForestClassifier},
    library="scikit-learn",
    graph=lambda model: onnx_form.from_scikit_learn(model, len(FEATURES)),
)

if __name__ == "__main__":
    sys.exit(classification.run_training(SCREENING))

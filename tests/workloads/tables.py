"""What holds for the data set and the models of any workload that classifies the rows of a table."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from workloads import catalog
from workloads.artifacts import digest_of
from workloads.classification import Classification, final_metrics
from workloads.columns import read_columns
from workloads.documents import columns_document
from workloads.incoming import examine
from workloads.lake import canonical

LEAST_ACCURACY = 0.9
"""On the held-out rows; linear models reach it too, so that less is a mistake."""
LEAST_OF_A_LABEL = 10
"""Rows: fewer are too few to hold some of them out."""


def check_data(name: str, what: Classification) -> None:
    """Hold the data set to its declaration: digest, columns, bounds and labels, of each of which there are enough."""
    workload, content = catalog.load(name), what.seed_data()
    assert digest_of(content if workload.data.file else canonical(content)) == workload.data.digest
    assert list(workload.data.columns) == [*what.features, what.target]
    assert examine(content, read_columns(json.dumps(columns_document(workload)))).count == 0
    parts = split(name, what)
    counts = pd.concat([parts.y_train, parts.y_test]).value_counts()
    assert {str(label) for label in counts.index} == set(workload.data.columns[what.target].labels or ())
    assert counts.min() >= LEAST_OF_A_LABEL


def check_model(name: str, what: Classification, classifier: str) -> None:
    """Train a model as declared: it is accurate and far better than guessing, gives probabilities of every label, and
    is the same again for the same seed."""
    parts, guesses = split(name, what), DummyClassifier()
    trained = fitted(name, what, classifier)
    guesses.fit(parts.x_train, parts.y_train)
    accuracy = final_metrics(trained, parts.x_test, parts.y_test)["accuracy"]
    assert accuracy >= LEAST_ACCURACY
    assert accuracy > 1.4 * guesses.score(parts.x_test, parts.y_test)
    probabilities = trained.predict_proba(parts.x_test)
    assert probabilities.shape == (len(parts.x_test), len(trained.classes_))
    assert np.allclose(probabilities.sum(axis=1), 1)
    again = fitted(name, what, classifier)
    assert np.array_equal(again.predict_proba(parts.x_test), probabilities)
    if catalog.load(name).serving.format == "onnx":
        assert what.graph(trained) == what.graph(again)


def fitted(name: str, what: Classification, classifier: str) -> Any:
    """Return a classifier that is trained as workload.yaml says."""
    parameters, parts = catalog.load(name).parameters, split(name, what)
    return what.build(classifier, parameters.seed, parameters.models[classifier]).fit(parts.x_train, parts.y_train)


def split(name: str, what: Classification) -> Any:
    """The split of the data set, or of version 0 of the table, of whose rows none are the first ones."""
    workload = catalog.load(name)
    seed, test_size = workload.parameters.seed, workload.parameters.test_size
    if workload.data.table:
        return what.split(canonical(what.seed_data()), seed=seed, test_size=test_size, declared_rows=0)
    return what.split(what.seed_data(), seed=seed, test_size=test_size)

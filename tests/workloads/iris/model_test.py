"""What any model of iris must do, shown on models trained right here from the declared data and parameters."""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from workloads import catalog, classification
from workloads.iris import train

IRIS = catalog.load("iris")
PARTS = train.IRIS.split(train.seed_data(), seed=IRIS.parameters.seed, test_size=IRIS.parameters.test_size)
LEAST_ACCURACY = 0.9
"""On the held-out rows; linear models reach it too, so that less is a mistake."""


@pytest.fixture(scope="module", params=list(train.IRIS.classifiers))
def model(request: pytest.FixtureRequest) -> Any:
    parameters: dict[str, Any] = IRIS.parameters.models[request.param]
    return train.IRIS.build(request.param, IRIS.parameters.seed, parameters).fit(PARTS.x_train, PARTS.y_train)


def test_it_is_accurate_and_far_better_than_guessing(model: Any) -> None:
    guesses: Any = DummyClassifier().fit(PARTS.x_train, PARTS.y_train)
    accuracy = classification.final_metrics(model, PARTS.x_test, PARTS.y_test)["accuracy"]
    assert accuracy >= LEAST_ACCURACY
    assert accuracy > 2 * guesses.score(PARTS.x_test, PARTS.y_test)


def test_probabilities_are_of_every_species_and_sum_to_one(model: Any) -> None:
    probabilities = model.predict_proba(PARTS.x_test)
    assert probabilities.shape == (len(PARTS.x_test), 3)
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_a_row_is_answered_the_same_alone_and_among_others(model: Any) -> None:
    alone = [model.predict(PARTS.x_test.iloc[[row]])[0] for row in range(5)]
    assert list(model.predict(PARTS.x_test)[:5]) == alone
    backwards = PARTS.x_test.iloc[::-1]
    assert list(model.predict(backwards)[::-1]) == list(model.predict(PARTS.x_test))


def test_a_millimetre_does_not_change_a_typical_flower(model: Any) -> None:
    typical = pd.DataFrame([{"sepal_length": 5.0, "sepal_width": 3.4, "petal_length": 1.5, "petal_width": 0.2}])
    for feature in train.FEATURES:
        for step in (-0.1, 0.1):
            assert model.predict(typical.assign(**{feature: typical[feature] + step}))[0] == "setosa"


def test_the_example_of_the_workload_is_answered(model: Any) -> None:
    assert model.predict(pd.DataFrame([IRIS.serving.example]))[0] in model.classes_

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from typing import Any

import pytest

from workloads import catalog, classification
from workloads.artifacts import digest_of
from workloads.experiment import TrainingError
from workloads.iris import train

IRIS = catalog.load("iris")
CONTENT = train.seed_data()


def parts(seed: int = 1) -> classification.Split:
    return train.IRIS.split(CONTENT, seed=seed, test_size=IRIS.parameters.test_size)


def fitted(name: str, seed: int = 1) -> Any:
    return train.IRIS.build(name, seed, {"n_estimators": 10}).fit(parts(seed).x_train, parts(seed).y_train)


def test_the_data_set_is_the_declared_one() -> None:
    assert digest_of(CONTENT) == IRIS.data.digest
    assert CONTENT.splitlines()[:2] == [
        b"sepal_length,sepal_width,petal_length,petal_width,species",
        b"5.1,3.5,1.4,0.2,setosa",
    ]


def test_the_serving_example_has_the_features_of_the_training() -> None:
    assert list(IRIS.serving.example) == train.FEATURES


def test_every_classifier_has_declared_hyperparameters_that_it_knows() -> None:
    assert set(IRIS.parameters.models) == set(train.IRIS.classifiers)
    for name, parameters in IRIS.parameters.models.items():
        train.IRIS.build(name, IRIS.parameters.seed, parameters)


def test_thirty_percent_is_held_out_with_as_many_of_each_species() -> None:
    assert len(parts().x_train) == 105
    assert parts().y_test.value_counts().to_dict() == {"setosa": 15, "versicolor": 15, "virginica": 15}


def test_the_same_seed_holds_out_the_same_rows() -> None:
    assert list(parts(1).x_test.index) == list(parts(1).x_test.index)
    assert list(parts(1).x_test.index) != list(parts(2).x_test.index)


def test_other_columns_than_the_declared_are_refused() -> None:
    with pytest.raises(TrainingError, match="the data set has the columns"):
        train.IRIS.split(CONTENT.replace(b"petal_width", b"width", 1), seed=1, test_size=0.3)


@pytest.mark.parametrize("name", sorted(train.IRIS.classifiers))
def test_there_is_an_accuracy_for_each_tree_and_the_last_is_the_final_one(name: str) -> None:
    model, data = fitted(name), parts()
    steps = train.staged_accuracies(model, data.x_test, data.y_test)
    assert len(steps) == 10
    assert steps[-1] == classification.final_metrics(model, data.x_test, data.y_test)["accuracy"]


@pytest.mark.parametrize("name", sorted(train.IRIS.classifiers))
def test_the_same_seed_trains_the_same_model(name: str) -> None:
    data = parts()
    first, second = (classification.final_metrics(fitted(name), data.x_test, data.y_test) for _ in range(2))
    assert first == second
    assert set(first) == {"accuracy", "f1_macro", "log_loss"}


def test_predictions_say_row_truth_and_probabilities() -> None:
    data = parts()
    lines = classification.predictions_csv(fitted("RandomForestClassifier"), data.x_test, data.y_test).splitlines()
    expected = "row,actual,predicted,probability_setosa,probability_versicolor,probability_virginica"
    assert lines[0] == expected
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(data.x_test.index)


def test_a_misspelt_hyperparameter_is_named() -> None:
    with pytest.raises(TrainingError, match=r"parameters\.models\.RandomForestClassifier: .*n_estimator"):
        train.IRIS.build("RandomForestClassifier", 1, {"n_estimator": 3})

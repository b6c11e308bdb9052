from pathlib import Path

import pytest

from tests.workloads.tables import check_model, fitted
from workloads import catalog
from workloads.experiment import TrainingError
from workloads.neighbours.train import NEIGHBOURS

CLASSIFIER = "KNeighborsClassifier"


def test_the_model_is_accurate_and_the_same_again() -> None:
    check_model("neighbours", NEIGHBOURS, CLASSIFIER)


def test_as_onnx_it_ends_the_training_with_how_it_can_be_served() -> None:
    with pytest.raises(TrainingError) as refused:
        NEIGHBOURS.converted(CLASSIFIER, fitted("neighbours", NEIGHBOURS, CLASSIFIER))
    message = str(refused.value)
    assert "parameters.models.KNeighborsClassifier: KNeighborsClassifier can't be converted to ONNX" in message
    assert "metric='canberra' is not implemented" in message
    types = ", ".join(catalog.load("neighbours").serving.trusted)
    assert f"set serving.format: skops and, once you have reviewed these types, serving.trusted: [{types}]" in message


def test_a_type_that_the_list_lacks_ends_the_training_by_name(tmp_path: Path) -> None:
    from workloads import skops_form

    first, second = catalog.load("neighbours").serving.trusted
    model = fitted("neighbours", NEIGHBOURS, CLASSIFIER)
    with pytest.raises(TrainingError, match=f"serving.trusted: .* the list does not name: {second}. Review") as refused:
        skops_form.add_classifier(tmp_path, model, None, library="scikit-learn", trusted=[first])
    assert first not in str(refused.value)
    assert not list(tmp_path.iterdir())

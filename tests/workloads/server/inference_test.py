import json
from typing import Any

import numpy as np
import pytest

from tests.workloads.server.models import box_model, tensor_model
from workloads.server.errors import BadRequestError
from workloads.server.inference import MAX_ROWS, model_metadata, predict, predict_answer, rows_of_predict
from workloads.server.model import LABEL, PROBABILITIES

FEATURES = ("width", "height")


@pytest.mark.parametrize(
    "body",
    [
        {"width": 1, "height": 2.5},
        {"height": 2.5, "width": 1.0},
        [{"width": 1, "height": 2.5}],
        {"rows": [{"width": 1, "height": 2.5}]},
    ],
)
def test_named_features_become_a_row(body: Any) -> None:
    assert rows_of_predict(body, FEATURES).tolist() == [[1.0, 2.5]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"width": 1}, r"rows[0]: features ['height'] are missing"),
        ({"width": 1, "heigth": 2}, r"rows[0]: unknown features ['heigth']; the features are ['width', 'height']"),
        ([{"width": 1, "height": 2}, {"width": "1", "height": 2}], "rows[1].width: '1' is not a number"),
        ({"width": True, "height": 2}, "rows[0].width: True is not a number"),
        ({"width": None, "height": 2}, "rows[0].width: None is not a number"),
        ({"width": float("nan"), "height": 2}, "rows[0].width: nan is not a finite 32-bit number"),
        ({"width": 1e39, "height": 2}, "rows[0].width: 1e+39 is not a finite 32-bit number"),
        ({"width": 10**400, "height": 2}, "is not a finite 32-bit number"),
        ([], "rows: 0 rows; 1 to 10000 are answered"),
        ({"rows": [], "more": 1}, "unknown keys ['more'] beside 'rows'"),
        ([1], "rows[0]: 1 is not an object"),
        ("text", "rows[0]: 'text' is not an object"),
        (None, "rows[0]: None is not an object"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(body: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        rows_of_predict(body, FEATURES)
    assert message in str(refused.value)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(BadRequestError, match=f"{MAX_ROWS + 1} rows"):
        rows_of_predict([{"width": 1, "height": 1}] * (MAX_ROWS + 1), FEATURES)


def test_of_many_unknown_features_the_first_are_named() -> None:
    with pytest.raises(BadRequestError, match=r"unknown features \['a0', .*'a9'\] and 2 more; the features are"):
        rows_of_predict({f"a{digit}": 1 for digit in "0123456789xy"}, FEATURES)


MANY = [f"feature-{number}" for number in range(200_000)]


@pytest.mark.parametrize(
    "body",
    [
        dict.fromkeys(MANY, 1),
        {"rows": [], **dict.fromkeys(MANY, 1)},
        {"width": "x" * 3_000_000, "height": 1},
    ],
    ids=["features", "keys", "value"],
)
def test_an_error_repeats_no_more_than_an_excerpt_of_what_it_refuses(body: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rows_of_predict(body, FEATURES)
    assert len(str(refused.value)) < 1000


def test_an_answer_holds_labels_and_probabilities_by_class() -> None:
    outputs = {LABEL: np.array(["small", "large"], dtype=object), PROBABILITIES: np.array([[0.25, 0.75], [1, 0]])}
    assert predict_answer(outputs, ("large", "small")) == {
        "predictions": ["small", "large"],
        "probabilities": [{"large": 0.25, "small": 0.75}, {"large": 1, "small": 0}],
    }


def test_named_features_are_predicted_at_once() -> None:
    answer = predict(box_model(), {"height": 1, "width": 2})
    assert answer == {"predictions": ["small"], "probabilities": [{"large": 0.2, "small": 0.8}]}


def test_a_model_of_tensors_has_no_named_features() -> None:
    with pytest.raises(BadRequestError, match="takes tensors, not named features: ask at /v2/models/NAME/infer"):
        predict(tensor_model(), {"width": 1})


def test_metadata_of_a_model_of_tensors_are_its_tensors() -> None:
    described = json.loads(json.dumps(model_metadata(tensor_model())))
    assert described["inputs"] == [
        {"name": "text", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "picture", "datatype": "FP32", "shape": [-1, 2, 3]},
    ]
    assert "parameters" not in described

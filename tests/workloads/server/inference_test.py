from collections.abc import Callable
from typing import Any, cast

import pytest

from workloads.server.inference import (
    MAX_ID,
    MAX_ROWS,
    BadRequestError,
    Prediction,
    identity_of,
    infer_answer,
    requested_outputs,
    rows_of_infer,
    rows_of_predict,
)
from workloads.server.model import Model

FEATURES = ("width", "height")


def model_of(*classes: str) -> Model:
    """Of which nothing is computed."""
    return Model(inputs=(), outputs=(), features=FEATURES, classes=classes, library="", session=cast(Any, None))


def tensor(**changed: Any) -> dict[str, Any]:
    return {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3.5, 4], **changed}


def named(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP32", "data": data}


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
    assert rows_of_predict(body, FEATURES) == [[1.0, 2.5]]


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


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor()],
        [tensor(data=[[1, 2], [3.5, 4]])],
        [tensor(datatype="INT64", data=[1, 2, 3.5, 4])],
        [named("height", [2], [2, 4]), named("width", [2], [1, 3.5])],
        [named("width", [2, 1], [[1], [3.5]]), named("height", [2, 1], [2, 4])],
    ],
)
def test_tensors_become_rows(inputs: list[Any]) -> None:
    assert rows_of_infer({"inputs": inputs}, FEATURES) == [[1.0, 2.0], [3.5, 4.0]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "'inputs' must be a list"),
        ({}, "'inputs' must be a list"),
        ({"inputs": []}, "'inputs' must be a list"),
        ({"inputs": [3]}, "inputs[0]: 3 is not a tensor"),
        ({"inputs": [{"name": "input"}]}, "inputs[0]: ['shape', 'datatype', 'data'] missing"),
        ({"inputs": [tensor(datatype="BYTES")]}, "inputs[0].datatype: 'BYTES' is not one of ['FP64'"),
        ({"inputs": [tensor(datatype=["FP64"])]}, "inputs[0].datatype: ['FP64'] is not one of"),
        ({"inputs": [tensor(name=1)]}, "inputs[0].name: 1 is not a string"),
        ({"inputs": [tensor(shape=[2, 3])]}, "inputs[0].data: 4 elements, but the shape [2, 3] means 6"),
        ({"inputs": [tensor(shape=[1, 4])]}, "tensor 'input': the shape [1, 4] is not [rows, 2]"),
        ({"inputs": [tensor(shape=[4])]}, "tensor 'input': the shape [4] is not [rows, 2]"),
        ({"inputs": [tensor(shape=[-1, 2])]}, "inputs[0].shape: [-1, 2] is not a list of one or two positive integers"),
        ({"inputs": [tensor(shape=[True, 2])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[2, 1, 2])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[10**12, 2])]}, "inputs[0].shape: 1000000000000 rows"),
        ({"inputs": [tensor(data="AAAA")]}, "inputs[0].data: 'AAAA' is not a list of numbers"),
        ({"inputs": [tensor(data=[1, 2, 3, "4"])]}, "inputs[0].data[3]: '4' is not a number"),
        ({"inputs": [tensor(data=[[1, 2], [3, None]])]}, "inputs[0].data[1][1]: None is not a number"),
        ({"inputs": [tensor(data=[[1], [2], [3], [4]])]}, "inputs[0].data: 4 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2, 3, 4]])]}, "inputs[0].data: 1 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2, 3], [4]])]}, "inputs[0].data[0]: 3 elements, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2], 3, 4])]}, "inputs[0].data: 3 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[3, [1, 2]])]}, "inputs[0].data[0]: 3 is not a list, as other rows are"),
        ({"inputs": [tensor(data=[[[1, 2]], [[3, 4]]])]}, "inputs[0].data[0]: 1 elements"),
        ({"inputs": [tensor(data=[])]}, "inputs[0].data: 0 elements, but the shape [2, 2] means 4"),
        ({"inputs": [named("width", [2], [[1], [2]])]}, "inputs[0].data[0]: [1] is not a number"),
        ({"inputs": [named("width", [1], [1])]}, "give either one tensor of shape [rows, 2]"),
        ({"inputs": [named("width", [1], [1]), named("depth", [1], [1])]}, "tensors ['width', 'depth']"),
        ({"inputs": [named("width", [1], [1]), named("height", [2], [1, 2])]}, "is neither [1] nor [1, 1]"),
        ({"inputs": [named("width", [1], [1]), named("width", [1], [1])]}, "tensors ['width', 'width']"),
    ],
)
def test_a_wrong_tensor_is_refused_with_its_place(body: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        rows_of_infer(body, FEATURES)
    assert message in str(refused.value)


def test_outputs_come_as_they_were_asked_for() -> None:
    assert requested_outputs({}) == requested_outputs({"outputs": []}) == ["label", "probabilities"]
    asked: list[Any] = [{"name": "probabilities"}, {"name": "label", "parameters": {}}]
    assert requested_outputs({"outputs": asked}) == ["probabilities", "label"]
    model = model_of("large")
    answer = infer_answer([Prediction("large", {"large": 1})], model, {}, ["probabilities"])
    assert [output["name"] for output in answer["outputs"]] == ["probabilities"]


WRONG_OUTPUTS: list[tuple[Any, str]] = [
    ("label", "'outputs': 'label' is not a list of {name}; the outputs are ['label', 'probabilities']"),
    (None, "'outputs': None is not a list"),
    (["label"], "outputs[0]: 'label' names none of the outputs ['label', 'probabilities']"),
    ([{"name": "label"}, {"name": "labels"}], "outputs[1]: {'name': 'labels'} names none of the outputs"),
    ([{"name": ["label"]}], "outputs[0]: {'name': ['label']} names none of the outputs"),
    ([{}], "outputs[0]: {} names none of the outputs"),
    ([{"name": "label"}, {"name": "label"}], "'outputs': ['label'] more than once"),
]


@pytest.mark.parametrize(("outputs", "message"), WRONG_OUTPUTS)
def test_wrongly_requested_outputs_are_refused_with_their_place(outputs: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        requested_outputs({"outputs": outputs})
    assert message in str(refused.value)


@pytest.mark.parametrize("given", ["", "7", "ä€𝄞", "x" * MAX_ID])
def test_a_request_gets_its_id_back(given: str) -> None:
    assert identity_of({"id": given}) == {"id": given}
    assert identity_of({}) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (7, "'id': 7 is not a string of at most 256 characters"),
        (None, "'id': None is not a string"),
        ("x" * (MAX_ID + 1), "'id': 'xxx"),
        ("\ud800", "'id': '\\ud800' can't be written as UTF-8"),
    ],
)
def test_an_id_that_no_answer_can_hold_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        identity_of({"id": given})
    assert message in str(refused.value)


MANY = [f"feature-{number}" for number in range(200_000)]
LONG = "x" * 3_000_000


@pytest.mark.parametrize(
    "ask",
    [
        lambda: rows_of_predict(dict.fromkeys(MANY, 1), FEATURES),
        lambda: rows_of_predict({"rows": [], **dict.fromkeys(MANY, 1)}, FEATURES),
        lambda: rows_of_predict({"width": LONG, "height": 1}, FEATURES),
        lambda: rows_of_infer({"inputs": [named(name, [1], [1]) for name in MANY]}, FEATURES),
        lambda: rows_of_infer({"inputs": [tensor(name=LONG, shape=[4, 1])]}, FEATURES),
        lambda: rows_of_infer({"inputs": [tensor(datatype=LONG)]}, FEATURES),
        lambda: requested_outputs({"outputs": [{"name": LONG}]}),
        lambda: requested_outputs({"outputs": [{"name": "label"}] * 200_000}),
        lambda: identity_of({"id": LONG}),
    ],
)
def test_an_error_repeats_no_more_than_an_excerpt_of_what_it_refuses(ask: Callable[[], object]) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask()
    assert len(str(refused.value)) < 1000


def test_of_many_unknown_features_the_first_are_named() -> None:
    with pytest.raises(BadRequestError, match=r"unknown features \['a0', .*'a9'\] and 2 more; the features are"):
        rows_of_predict({f"a{digit}": 1 for digit in "0123456789xy"}, FEATURES)


def test_an_answer_holds_labels_and_probabilities_by_class() -> None:
    model = model_of("large", "small")
    predictions = [Prediction("small", {"large": 0.25, "small": 0.75}), Prediction("large", {"large": 1, "small": 0})]
    answer = infer_answer(predictions, model, {"id": "7"})
    assert answer["id"] == "7"
    assert [output["name"] for output in answer["outputs"]] == ["label", "probabilities"]
    assert answer["outputs"][0]["data"] == ["small", "large"]
    assert answer["outputs"][1] == {
        "name": "probabilities",
        "datatype": "FP64",
        "shape": [2, 2],
        "parameters": {"classes": "large,small"},
        "data": [0.25, 0.75, 1, 0],
    }
    assert "id" not in infer_answer(predictions, model, {})

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.workloads.server.models import box_model, tensor_model
from workloads.server.answers import encode_json, infer_answer
from workloads.server.errors import BadRequestError
from workloads.server.json_requests import (
    MAX_ID,
    InferRequest,
    Output,
    identity_of,
    infer_request,
    parse_json,
    requested_outputs,
)
from workloads.server.model import Model


def asked(body: Any, model: Model | None = None) -> InferRequest:
    return infer_request(json.dumps(body).encode(), None, model or box_model())


def tensor(**changed: Any) -> dict[str, Any]:
    return {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3.5, 4], **changed}


def named(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP32", "data": data}


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
    assert asked({"inputs": inputs}).inputs["input"].tolist() == [[1.0, 2.0], [3.5, 4.0]]


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
        ({"inputs": [tensor(shape=[3, 2])]}, "inputs[0].data: 4 elements, but the shape [3, 2] means 6"),
        ({"inputs": [tensor(shape=[2, 3])]}, "tensor 'input': the shape [2, 3] is not [rows, 2]"),
        ({"inputs": [tensor(shape=[1, 4])]}, "tensor 'input': the shape [1, 4] is not [rows, 2]"),
        ({"inputs": [tensor(shape=[4])]}, "tensor 'input': the shape [4] is not [rows, 2]"),
        ({"inputs": [tensor(shape=[-1, 2])]}, "inputs[0].shape: [-1, 2] is not a list of positive integers"),
        ({"inputs": [tensor(shape=[True, 2])]}, "inputs[0].shape"),
        ({"inputs": [tensor(shape=[2, 1, 2])]}, "[2, 1, 2] is not a list of one or two positive"),
        ({"inputs": [tensor(shape=[10**12, 2])]}, "inputs[0].shape: 1000000000000 rows"),
        (
            {"inputs": [tensor(data=[[]] * 30_001)]},
            "the body holds 30006 lists and objects; 10000 rows need at most 30000",
        ),
        ({"inputs": [tensor(data="AAAA")]}, "inputs[0].data: 'AAAA' is not a list"),
        ({"inputs": [tensor(data=[1, 2, 3, "4"])]}, "inputs[0].data[3]: '4' is not a number"),
        ({"inputs": [tensor(data=[[1, 2], [3, None]])]}, "inputs[0].data[1][1]: None is not a number"),
        ({"inputs": [tensor(data=[[1], [2], [3], [4]])]}, "inputs[0].data: 4 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2, 3, 4]])]}, "inputs[0].data: 1 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2, 3], [4]])]}, "inputs[0].data[0]: 3 elements, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[[1, 2], 3, 4])]}, "inputs[0].data: 3 rows, but the shape [2, 2] means 2"),
        ({"inputs": [tensor(data=[3, [1, 2]])]}, "inputs[0].data[0]: 3 is not a list, as other rows are"),
        ({"inputs": [tensor(data=[[[1, 2]], [[3, 4]]])]}, "inputs[0].data[0]: 1 elements"),
        ({"inputs": [tensor(data=[])]}, "inputs[0].data: 0 elements, but the shape [2, 2] means 4"),
        (
            {"inputs": [named("width", [2], [[1], [2]]), named("height", [2], [1, 2])]},
            "inputs[0].data[0]: [1] is not a number",
        ),
        ({"inputs": [named("width", [1], [1])]}, "give either one tensor of shape [rows, 2]"),
        ({"inputs": [named("width", [1], [1]), named("depth", [1], [1])]}, "tensors ['width', 'depth']"),
        ({"inputs": [named("width", [1], [1]), named("height", [2], [1, 2])]}, "is neither [1] nor [1, 1]"),
        ({"inputs": [named("width", [1], [1]), named("width", [1], [1])]}, "tensors ['width', 'width']"),
    ],
)
def test_a_wrong_tensor_is_refused_with_its_place(body: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        asked(body)
    assert message in str(refused.value)


def test_outputs_come_as_they_were_asked_for() -> None:
    everything = [Output("label", binary=False), Output("probabilities", binary=False)]
    assert requested_outputs({}, box_model()) == requested_outputs({"outputs": []}, box_model()) == everything
    wanted: list[Any] = [{"name": "probabilities"}, {"name": "label", "parameters": {}}]
    assert requested_outputs({"outputs": wanted}, box_model()) == everything[::-1]


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
        requested_outputs({"outputs": outputs}, box_model())
    assert message in str(refused.value)


@pytest.mark.parametrize("given", ["", "7", "ä€𝄞", "x" * MAX_ID])
def test_a_request_gets_its_id_back(given: str) -> None:
    assert identity_of({"id": given}) == given
    assert identity_of({}) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (7, "'id': 7 is not a string of at most 256 characters"),
        (None, "'id': None is not a string"),
        ("x" * (MAX_ID + 1), "'id': 'xxx"),
    ],
)
def test_an_id_that_no_answer_can_hold_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        identity_of({"id": given})
    assert message in str(refused.value)


MANY = [f"feature-{number}" for number in range(20_000)]
LONG = "x" * 3_000_000


@pytest.mark.parametrize(
    "ask",
    [
        lambda: asked({"inputs": [named(name, [1], [1]) for name in MANY]}),
        lambda: asked({"inputs": [tensor(name=LONG, shape=[4, 1])]}),
        lambda: asked({"inputs": [tensor(datatype=LONG)]}),
        lambda: requested_outputs({"outputs": [{"name": LONG}]}, box_model()),
        lambda: requested_outputs({"outputs": [{"name": "label"}] * 20_000}, box_model()),
        lambda: identity_of({"id": LONG}),
    ],
)
def test_an_error_repeats_no_more_than_an_excerpt_of_what_it_refuses(ask: Callable[[], object]) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask()
    assert len(str(refused.value)) < 1000


TEXT = {"name": "text", "datatype": "BYTES", "shape": [2, 1], "data": ["a", "b"]}
PICTURE = {"name": "picture", "datatype": "FP32", "shape": [2, 2, 3], "data": list(range(12))}


def test_tensors_of_any_rank_keep_their_type_and_shape() -> None:
    nested = np.arange(12).reshape(2, 2, 3).tolist()
    for data in (PICTURE["data"], nested):
        inputs = asked({"inputs": [{**PICTURE, "data": data}, TEXT]}, tensor_model()).inputs
        assert inputs["picture"].dtype == np.float32
        assert inputs["picture"].tolist() == nested
        assert inputs["text"].tolist() == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([TEXT], "tensors ['text']: the model takes one each of ['text', 'picture']"),
        ([TEXT, TEXT], "tensors ['text', 'text']: the model takes one each of"),
        ([TEXT, PICTURE, PICTURE], "'inputs': 3 tensors, but the model takes at most 2: ['text', 'picture']"),
        ([TEXT, {**PICTURE, "datatype": "FP64"}], "inputs[1].datatype: 'FP64' is not FP32, which 'picture' is of"),
        ([TEXT, {**PICTURE, "datatype": "FP8"}], "inputs[1].datatype: 'FP8' is not one of ['FP64', "),
        ([TEXT, {**PICTURE, "shape": [4, 3]}], "inputs[1].shape: [4, 3] is not the shape of 'picture', [-1, 2, 3]"),
        ([TEXT, {**PICTURE, "shape": [2, 3, 2]}], "inputs[1].shape: [2, 3, 2] is not the shape of 'picture'"),
        ([{**TEXT, "data": ["a", 1]}, PICTURE], "inputs[0].data[1]: 1 is not a string"),
        ([{**TEXT, "data": [["a"], [None]]}, PICTURE], "inputs[0].data[1][0]: None is not a string"),
        ([TEXT, {**PICTURE, "data": [1e39] * 12}], "inputs[1].data[0]: 1e+39 is not within the range of FP32"),
    ],
)
def test_a_tensor_that_the_model_does_not_take_is_refused_with_its_place(inputs: list[Any], message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        asked({"inputs": inputs}, tensor_model())
    assert message in str(refused.value)


def in_binary(content: Any, *parts: bytes, length: bytes | None = None, model: Model | None = None) -> InferRequest:
    text = json.dumps(content).encode()
    return infer_request(text + b"".join(parts), length or b"%d" % len(text), model or box_model())


def sized(size: Any, **changed: Any) -> dict[str, Any]:
    content = tensor(parameters={"binary_data_size": size}, **changed)
    return {key: value for key, value in content.items() if key != "data" or "data" in changed}


NUMBERS = struct.pack("<4d", 1, 2, 3.5, 4)


def test_data_comes_in_binary_behind_the_json() -> None:
    assert in_binary({"inputs": [sized(32)]}, NUMBERS).inputs["input"].tolist() == [[1, 2], [3.5, 4]]
    columns = [sized(4, name="height", shape=[2], datatype="INT16"), named("width", [2], [5, 6])]
    assert in_binary({"inputs": columns}, struct.pack("<2h", -1, 2)).inputs["input"].tolist() == [[5, -1], [6, 2]]
    text = b"\x01\0\0\0a\x03\0\0\0\xe2\x82\xac"
    both = [{**TEXT, "parameters": {"binary_data_size": len(text)}}, PICTURE]
    del both[0]["data"]
    assert in_binary({"inputs": both}, text, model=tensor_model()).inputs["text"].tolist() == [["a"], ["€"]]


@pytest.mark.parametrize(
    ("inputs", "data", "length", "message"),
    [
        ([sized(32)], NUMBERS[:31], None, "inputs[0].data: 32 bytes of binary data, but 31 are left"),
        ([sized(31)], NUMBERS[:31], None, "inputs[0].data: 31 bytes, but the shape [2, 2] of FP64 means 32"),
        ([sized(32)], NUMBERS + b"x", None, "1 bytes after the binary data of the tensors"),
        ([sized(-1)], b"", None, "inputs[0].parameters.binary_data_size: -1 is not a number of bytes"),
        ([sized(True)], b"", None, "inputs[0].parameters.binary_data_size: True is not a number of bytes"),
        ([sized(32, data=[1, 2, 3, 4])], NUMBERS, None, "inputs[0]: has both 'data' and 'binary_data_size'"),
        ([sized(32)], struct.pack("<4d", 1, 2, float("nan"), 4), None, "data[1][0]: nan is not a finite 32-bit number"),
        ([sized(32)], struct.pack("<4d", 1, 2, 3, -1e39), None, "data[1][1]: -1e+39 is not a finite 32-bit number"),
        ([sized(32)], NUMBERS, b"9999", "inference-header-content-length: '9999' is not a number of bytes of the body"),
        ([sized(32)], NUMBERS, b"-1", "inference-header-content-length: '-1' is not a number of bytes"),
        ([sized(32)], NUMBERS, b"9" * 5000, "is not a number of bytes of the body"),
        ([sized(32)], NUMBERS, b"3", "the body is not JSON"),
    ],
)
def test_wrong_binary_data_is_refused_with_its_place(
    inputs: list[Any], data: bytes, length: bytes | None, message: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        in_binary({"inputs": inputs}, data, length=length)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ({}, [False, False]),
        ({"parameters": {"binary_data_output": True}}, [True, True]),
        (
            {"outputs": [{"name": "label", "parameters": {"binary_data": True}}, {"name": "probabilities"}]},
            [True, False],
        ),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "label", "parameters": {"binary_data": False}}, {"name": "probabilities"}],
            },
            [False, True],
        ),
    ],
)
def test_outputs_are_binary_where_the_request_says_so(request_: Any, wanted: list[bool]) -> None:
    assert [output.binary for output in requested_outputs(request_, box_model())] == wanted


def test_a_flag_is_true_or_false() -> None:
    for key, where in (("binary_data_output", "parameters"), ("binary_data", "outputs[0].parameters")):
        asked_for = {"outputs": [{"name": "label", "parameters": {key: 1}}], "parameters": {key: 1}}
        with pytest.raises(BadRequestError, match="is not true or false") as refused:
            requested_outputs(asked_for, box_model())
        assert str(refused.value).startswith(f"{where}.{key}")


def test_binary_outputs_follow_the_json_in_their_order() -> None:
    found = {"label": np.array(["a", "€"], dtype=object), "probabilities": np.array([[1, 0], [0.5, 0.5]])}
    outputs = [Output("probabilities", binary=True), Output("label", binary=True)]
    body, length = infer_answer(found, outputs, box_model(), {"id": "7"})
    assert length is not None
    described = json.loads(body[:length])["outputs"]
    assert [(each["name"], each["parameters"]["binary_data_size"], "data" in each) for each in described] == [
        ("probabilities", 32, False),
        ("label", 12, False),
    ]
    assert body[length:] == struct.pack("<4d", 1, 0, 0.5, 0.5) + b"\x01\0\0\0a\x03\0\0\0\xe2\x82\xac"


def test_a_number_that_json_has_no_word_for_is_answered_as_null() -> None:
    assert parse_json(encode_json({"data": np.array([1.5, np.nan, np.inf])})) == {"data": [1.5, None, None]}

"""Requests to rows of numbers and predictions to answers, for both protocols; no web framework here.

Everything that a client can get wrong raises BadRequestError with the place, the value and what is allowed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from workloads.server.model import INPUT, LABEL, PROBABILITIES, Model

MAX_ROWS = 10_000
"""Rows in one request: keeps the memory of one answer to a few MiB, far below the pod's limit."""
NUMERIC = ("FP64", "FP32", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8")


OUTPUTS = ("label", "probabilities")
MAX_ID = 256
"""Characters of a request's `id`, which the answer repeats."""
MAX_SHOWN, MAX_LISTED = 60, 10
"""Characters of a value, and values, that an error repeats of what it refuses: a client can send megabytes."""


class BadRequestError(Exception):
    """What a client must change; the message goes into the answer's `error`."""


@dataclass(frozen=True)
class Prediction:
    label: str
    probabilities: dict[str, float]
    """By class name; they sum to 1."""


def predict(model: Model, rows: list[list[float]]) -> list[Prediction]:
    """One prediction a row; each row has one number for each feature, in their order."""
    if model.classes is None:
        raise BadRequestError("the model has no named features")
    found = model.run({INPUT: np.array(rows, dtype=np.float64)})
    return [
        Prediction(str(label), dict(zip(model.classes, map(float, row), strict=True)))
        for label, row in zip(found[LABEL], found[PROBABILITIES], strict=True)
    ]


def rows_of_predict(body: Any, features: Sequence[str]) -> list[list[float]]:
    """From one object of named features, a list of such, or {"rows": [...]}."""
    if isinstance(body, dict) and "rows" in body:
        if extra := sorted(set(cast(dict[str, Any], body)) - {"rows"}):
            raise BadRequestError(f"unknown keys {_listed(extra)} beside 'rows'")
        body = cast(Any, body["rows"])
    records: list[Any] = cast(list[Any], body) if isinstance(body, list) else [body]
    _check_count(len(records), "rows")
    return [_record(record, features, f"rows[{index}]") for index, record in enumerate(records)]


def _record(record: Any, features: Sequence[str], where: str) -> list[float]:
    if not isinstance(record, dict):
        raise BadRequestError(f"{where}: {_shown(record)} is not an object with the features {list(features)}")
    named = cast(dict[str, Any], record)
    if unknown := sorted(set(named) - set(features)):
        raise BadRequestError(f"{where}: unknown features {_listed(unknown)}; the features are {list(features)}")
    if missing := [name for name in features if name not in named]:
        raise BadRequestError(f"{where}: features {missing} are missing; the features are {list(features)}")
    return [_number(named[name], f"{where}.{name}") for name in features]


def rows_of_infer(body: Any, features: Sequence[str]) -> list[list[float]]:
    """From an Open Inference request: one tensor [n, features], or one tensor [n] (or [n, 1]) named as each feature."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
        raise BadRequestError("'inputs' must be a list of one or more tensors {name, shape, datatype, data}")
    inputs = cast(list[Any], body["inputs"])
    tensors = [_tensor(tensor, f"inputs[{index}]") for index, tensor in enumerate(inputs)]
    if len(tensors) == 1 and tensors[0][0] not in features:
        return _matrix(tensors[0], len(features))
    return _columns(tensors, features)


Tensor = tuple[str, list[int], list[float]]
"""(name, shape, elements in row-major order)"""


def _tensor(tensor: Any, where: str) -> Tensor:
    if not isinstance(tensor, dict):
        raise BadRequestError(f"{where}: {_shown(tensor)} is not a tensor {{name, shape, datatype, data}}")
    named = cast(dict[str, Any], tensor)
    if missing := [key for key in ("name", "shape", "datatype", "data") if key not in named]:
        raise BadRequestError(f"{where}: {missing} missing from the tensor {{name, shape, datatype, data}}")
    name, shape, datatype = named["name"], named["shape"], named["datatype"]
    if not isinstance(name, str):
        raise BadRequestError(f"{where}.name: {_shown(name)} is not a string")
    if datatype not in NUMERIC:
        raise BadRequestError(f"{where}.datatype: {_shown(datatype)} is not one of {list(NUMERIC)}")
    if not _is_shape(shape):
        raise BadRequestError(f"{where}.shape: {_shown(shape)} is not a list of one or two positive integers")
    _check_count(shape[0], f"{where}.shape")
    return name, shape, _elements(named["data"], shape, f"{where}.data")


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, list):
        return False
    sizes = cast(list[Any], shape)
    return len(sizes) in (1, 2) and all(type(size) is int and size > 0 for size in sizes)


def _elements(data: Any, shape: Sequence[int], where: str) -> list[float]:
    """The protocol allows data flat, or nested exactly as the shape; with other nesting rows would be mistaken for each
    other."""
    if not isinstance(data, list):
        raise BadRequestError(f"{where}: {_shown(data)} is not a list of numbers")
    items = cast(list[Any], data)
    if len(shape) == 1 or not any(isinstance(item, list) for item in items):
        return _numbers(items, math.prod(shape), shape, where)
    if len(items) != shape[0]:
        raise BadRequestError(f"{where}: {len(items)} rows, but the shape {shape} means {shape[0]}")
    elements: list[float] = []
    for index, item in enumerate(items):
        if not isinstance(item, list):
            raise BadRequestError(f"{where}[{index}]: {_shown(item)} is not a list, as other rows are")
        elements += _numbers(cast(list[Any], item), shape[1], shape, f"{where}[{index}]")
    return elements


def _numbers(items: Sequence[Any], count: int, shape: Sequence[int], where: str) -> list[float]:
    if len(items) != count:
        raise BadRequestError(f"{where}: {len(items)} elements, but the shape {list(shape)} means {count}")
    return [_number(item, f"{where}[{index}]") for index, item in enumerate(items)]


def _matrix(tensor: Tensor, width: int) -> list[list[float]]:
    name, shape, elements = tensor
    if len(shape) != 2 or shape[1] != width:
        raise BadRequestError(f"tensor {_shown(name)}: the shape {shape} is not [rows, {width}]")
    return [elements[start : start + width] for start in range(0, len(elements), width)]


def _columns(tensors: Sequence[Tensor], features: Sequence[str]) -> list[list[float]]:
    names = [name for name, _, _ in tensors]
    if sorted(names) != sorted(features):
        raise BadRequestError(
            f"tensors {_listed(names)}: give either one tensor of shape [rows, {len(features)}], "
            f"or one of shape [rows] for each of {list(features)}"
        )
    rows = tensors[0][1][0]
    for name, shape, _ in tensors:
        if shape not in ([rows], [rows, 1]):
            raise BadRequestError(f"tensor {_shown(name)}: the shape {shape} is neither [{rows}] nor [{rows}, 1]")
    by_name = {name: elements for name, _, elements in tensors}
    return [[by_name[name][row] for name in features] for row in range(rows)]


def _check_count(rows: int, where: str) -> None:
    if not 1 <= rows <= MAX_ROWS:
        raise BadRequestError(f"{where}: {rows} rows; 1 to {MAX_ROWS} are answered in one request")


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequestError(f"{where}: {_shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    # The trees compare 32-bit floats: what does not fit would be refused by the model itself, as an internal error.
    if not math.isfinite(number) or abs(number) > 3.4e38:
        raise BadRequestError(f"{where}: {_shown(value)} is not a finite 32-bit number")
    return number


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"[{', '.join(map(_shown, names[:MAX_LISTED]))}]{more}"


def predict_answer(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The label of each row, and beside it the probability of each class."""
    return {
        "predictions": [each.label for each in predictions],
        "probabilities": [each.probabilities for each in predictions],
    }


def identity_of(body: Any) -> dict[str, str]:
    """Return the `id` of an Open Inference request, for its answer; nothing where it has none."""
    if "id" not in body:
        return {}
    given = body["id"]
    if not isinstance(given, str) or len(given) > MAX_ID:
        raise BadRequestError(f"'id': {_shown(given)} is not a string of at most {MAX_ID} characters")
    try:
        given.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON lets through
        raise BadRequestError(f"'id': {_shown(given)} can't be written as UTF-8") from error
    return {"id": given}


def requested_outputs(body: Any) -> list[str]:
    """Names of the outputs that an Open Inference request asks for, in its order; all where it names none."""
    requested = body.get("outputs", [])
    if not isinstance(requested, list):
        raise BadRequestError(f"'outputs': {_shown(requested)} is not a list of {{name}}; the outputs are {[*OUTPUTS]}")
    names = [_output(item, f"outputs[{index}]") for index, item in enumerate(cast(list[Any], requested))]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise BadRequestError(f"'outputs': {twice} more than once")
    return names or [*OUTPUTS]


def _output(requested: Any, where: str) -> str:
    name = cast(dict[str, Any], requested).get("name") if isinstance(requested, dict) else None
    if name not in OUTPUTS:
        raise BadRequestError(f"{where}: {_shown(requested)} names none of the outputs {[*OUTPUTS]}")
    return cast(str, name)


def infer_answer(
    predictions: Sequence[Prediction], model: Model, identity: dict[str, str], names: Sequence[str] = OUTPUTS
) -> dict[str, Any]:
    """Outputs by name: the label of each row, and its probabilities in the order of the model's classes. identity: see
    `identity_of`."""
    rows = len(predictions)
    outputs: dict[str, dict[str, Any]] = {
        "label": {"datatype": "BYTES", "shape": [rows], "data": [each.label for each in predictions]},
        "probabilities": {
            "datatype": "FP64",
            "shape": [rows, len(model.classes or ())],
            "parameters": {"classes": ",".join(model.classes or ())},
            "data": [each.probabilities[name] for each in predictions for name in model.classes or ()],
        },
    }
    return {**identity, "outputs": [{"name": name, **outputs[name]} for name in names]}


def model_metadata(model: Model) -> dict[str, Any]:
    """Name, version and digest are added to every answer by the application."""
    return {
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, len(model.features or ())]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(model.classes or ())]},
        ],
        "parameters": {"features": ",".join(model.features or ()), "classes": ",".join(model.classes or ())},
    }

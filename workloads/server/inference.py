"""What a model takes and gives, whatever carries it: JSON, the binary-data extension or gRPC.

Everything that a client can get wrong raises BadRequestError with the place, the value and what is allowed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from workloads.server.binary import DATATYPES
from workloads.server.elements import LARGEST, array_of
from workloads.server.errors import BadRequestError, listed, shown
from workloads.server.model import INPUT, LABEL, PROBABILITIES, Model, TensorSpec

MAX_ROWS = 10_000
"""Rows of a classifier over named columns in one request: keeps the memory of one answer to a few MiB."""
NUMERIC = tuple(name for name, dtype in DATATYPES.items() if dtype.kind in "fiu")
"""What a classifier takes: any of them is a number to it."""


MAX_NESTED = 3 * MAX_ROWS
"""Lists and objects in the JSON of one request of such a model: a row is one of them, with some to hold them. A body of
nothing but empty ones takes a parser up to ten times as long as one of numbers, and three times the memory."""


class Header(NamedTuple):
    """A tensor of a request, without its data."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def check_nesting(text: bytes | bytearray | memoryview, model: Model) -> None:
    """Refuses, before it is parsed, what holds more lists and objects than the largest request needs."""
    if model.features is None or len(text) <= MAX_NESTED:
        return
    text = bytes(text) if isinstance(text, memoryview) else text
    if (nested := text.count(b"[") + text.count(b"{")) > MAX_NESTED:
        raise BadRequestError(f"the body holds {nested} lists and objects; {MAX_ROWS} rows need at most {MAX_NESTED}")


def check_count(tensors: int, model: Model) -> None:
    """Refuses more tensors than the model can take, before any of them is read."""
    names = model.features or [spec.name for spec in model.inputs]
    if tensors > len(names):
        raise BadRequestError(f"'inputs': {tensors} tensors, but the model takes at most {len(names)}: {list(names)}")


def check_outputs(names: Sequence[str]) -> None:
    """Refuses outputs that are asked for more than once."""
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise BadRequestError(f"'outputs': {twice} more than once")


def check_headers(headers: Sequence[Header], model: Model) -> None:
    """Refuses what the model does not take, before its data is read. Shapes hold positive integers."""
    if model.features is None:
        _check_tensors(headers, model)
        return
    for index, header in enumerate(headers):
        _check_number(header, f"inputs[{index}]")
    if len(headers) == 1 and headers[0].name not in model.features:
        _check_matrix(headers[0], len(model.features))
    else:
        _check_columns(headers, model.features)


def inputs_of(headers: Sequence[Header], arrays: Sequence[NDArray[Any]], model: Model) -> dict[str, NDArray[Any]]:
    """What the model runs on. arrays: the data of each header, of its shape; of a classifier any numbers."""
    if model.features is None:
        return {header.name: array for header, array in zip(headers, arrays, strict=True)}
    if len(headers) == 1 and headers[0].name not in model.features:
        return {INPUT: arrays[0].astype(np.float64, copy=False)}
    columns = {header.name: array.reshape(-1) for header, array in zip(headers, arrays, strict=True)}
    return {INPUT: np.stack([columns[name] for name in model.features], axis=1, dtype=np.float64)}


def _check_number(header: Header, where: str) -> None:
    if header.datatype not in NUMERIC:
        raise BadRequestError(f"{where}.datatype: {shown(header.datatype)} is not one of {list(NUMERIC)}")
    if len(header.shape) not in (1, 2):
        raise BadRequestError(
            f"{where}.shape: {shown(list(header.shape))} is not a list of one or two positive integers"
        )
    _check_rows(header.shape[0], f"{where}.shape")


def _check_rows(rows: int, where: str) -> None:
    if not 1 <= rows <= MAX_ROWS:
        raise BadRequestError(f"{where}: {rows} rows; 1 to {MAX_ROWS} are answered in one request")


def _check_matrix(header: Header, width: int) -> None:
    if len(header.shape) != 2 or header.shape[1] != width:
        raise BadRequestError(f"tensor {shown(header.name)}: the shape {list(header.shape)} is not [rows, {width}]")


def _check_columns(headers: Sequence[Header], features: Sequence[str]) -> None:
    names = [header.name for header in headers]
    if sorted(names) != sorted(features):
        raise BadRequestError(
            f"tensors {listed(names)}: give either one tensor of shape [rows, {len(features)}], "
            f"or one of shape [rows] for each of {list(features)}"
        )
    rows = headers[0].shape[0]
    for header in headers:
        if header.shape not in ((rows,), (rows, 1)):
            raise BadRequestError(
                f"tensor {shown(header.name)}: the shape {list(header.shape)} is neither [{rows}] nor [{rows}, 1]"
            )


def _check_tensors(headers: Sequence[Header], model: Model) -> None:
    names = [header.name for header in headers]
    specs = {spec.name: spec for spec in model.inputs}
    if sorted(names) != sorted(specs):
        raise BadRequestError(f"tensors {listed(names)}: the model takes one each of {list(specs)}")
    for index, header in enumerate(headers):
        spec = specs[header.name]
        if header.datatype != spec.datatype:
            raise BadRequestError(
                f"inputs[{index}].datatype: {shown(header.datatype)} is not {spec.datatype}, which {spec.name!r} is of"
            )
        if not _fits(header.shape, spec):
            raise BadRequestError(
                f"inputs[{index}].shape: {shown(list(header.shape))} is not the shape of {spec.name!r}, "
                f"{list(spec.shape)}, where -1 is any size"
            )


def _fits(shape: Sequence[int], spec: TensorSpec) -> bool:
    return len(shape) == len(spec.shape) and all(
        size in (-1, found) for size, found in zip(spec.shape, shape, strict=True)
    )


def rows_of_predict(body: Any, features: Sequence[str]) -> NDArray[np.float64]:
    """[rows, features] from one object of named features, a list of such, or {"rows": [...]}."""
    if isinstance(body, dict) and "rows" in body:
        if extra := sorted(set(cast(dict[str, Any], body)) - {"rows"}):
            raise BadRequestError(f"unknown keys {listed(extra)} beside 'rows'")
        body = cast(Any, body["rows"])
    records: list[Any] = cast(list[Any], body) if isinstance(body, list) else [body]
    _check_rows(len(records), "rows")
    wanted, width = set(features), len(features)
    items: list[Any] = []
    for index, record in enumerate(records):
        if not isinstance(record, dict) or cast(dict[str, Any], record).keys() != wanted:
            raise BadRequestError(f"rows[{index}]: {_wrong_record(record, features)}")
        items += [record[name] for name in features]
    array = array_of(items, "FP64", lambda index: f"rows[{index // width}].{features[index % width]}", LARGEST)
    return array.reshape(-1, width)


def _wrong_record(record: Any, features: Sequence[str]) -> str:
    if not isinstance(record, dict):
        return f"{shown(record)} is not an object with the features {list(features)}"
    named = cast(dict[str, Any], record)
    if unknown := sorted(set(named) - set(features)):
        return f"unknown features {listed(unknown)}; the features are {list(features)}"
    missing = [name for name in features if name not in named]
    return f"features {missing} are missing; the features are {list(features)}"


def predict(model: Model, body: Any) -> dict[str, Any]:
    """The answer of /predict, at once."""
    features, classes = named_columns(model)
    return predict_answer(model.run({INPUT: rows_of_predict(body, features)}), classes)


def named_columns(model: Model) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features and classes. Refuses a model that is no classifier over named columns."""
    if model.features is None or model.classes is None:
        raise BadRequestError("the model takes tensors, not named features: ask at /v2/models/NAME/infer")
    return model.features, model.classes


def predict_answer(outputs: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> dict[str, Any]:
    """The label of each row, and beside it the probability of each class. outputs: of a classifier."""
    rows: list[list[float]] = outputs[PROBABILITIES].tolist()
    return {
        "predictions": outputs[LABEL].tolist(),
        "probabilities": [dict(zip(classes, row, strict=True)) for row in rows],
    }


def model_metadata(model: Model) -> dict[str, Any]:
    """Name, version and digest are added to every answer by the application."""
    described: dict[str, Any] = {
        "platform": model.platform,
        "inputs": [_described(spec) for spec in model.inputs],
        "outputs": [_described(spec) for spec in model.outputs],
    }
    names = {"features": model.features, "classes": model.classes}
    if parameters := {key: ",".join(value) for key, value in names.items() if value is not None}:
        described["parameters"] = parameters
    return described


def _described(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}

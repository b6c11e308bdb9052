"""Requests of the Open Inference Protocol V2 over HTTP: JSON, with the data of tensors in it or in binary after it."""

import math
from itertools import chain
from typing import Any, NamedTuple, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from workloads.server import binary
from workloads.server.elements import LARGEST, array_of, check_finite
from workloads.server.errors import BadRequestError, shown
from workloads.server.inference import Header, check_count, check_headers, check_nesting, check_outputs, inputs_of
from workloads.server.model import Model

MAX_ID = 256
"""Characters of a request's `id`, which the answer repeats."""
HEADER_LENGTH = b"inference-header-content-length"
"""The HTTP header that says how many bytes of the body are JSON, where binary data follows."""


class Output(NamedTuple):
    name: str
    binary: bool


class InferRequest(NamedTuple):
    inputs: dict[str, NDArray[Any]]
    outputs: list[Output]
    """In the order in which they are answered."""
    id: str | None


def parse_json(body: bytes | bytearray | memoryview) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error


def infer_request(body: bytes | bytearray, header_length: bytes | None, model: Model) -> InferRequest:
    """header_length: of the HTTP header; None where all of the body is JSON."""
    text, rest = (body, memoryview(b"")) if header_length is None else _parts(body, header_length)
    check_nesting(text, model)
    request = parse_json(text)
    if not isinstance(request, dict) or not isinstance(request.get("inputs"), list) or not request["inputs"]:
        raise BadRequestError("'inputs' must be a list of one or more tensors {name, shape, datatype, data}")
    asked = cast(dict[str, Any], request)
    tensors = cast(list[Any], asked["inputs"])
    check_count(len(tensors), model)
    headers = [_header(tensor, f"inputs[{index}]") for index, tensor in enumerate(tensors)]
    check_headers(headers, model)
    outputs, identity = requested_outputs(asked, model), identity_of(asked)
    return InferRequest(inputs_of(headers, _data(tensors, headers, rest, model), model), outputs, identity)


def _parts(body: bytes | bytearray, header_length: bytes) -> tuple[memoryview, memoryview]:
    # Python refuses to convert thousands of digits.
    length = int(header_length) if header_length.isdigit() and len(header_length) < 10 else len(body) + 1
    if length > len(body):
        given = shown(header_length.decode("latin-1"))
        raise BadRequestError(f"{HEADER_LENGTH.decode()}: {given} is not a number of bytes of the body's {len(body)}")
    view = memoryview(body)
    return view[:length], view[length:]


def _header(tensor: Any, where: str) -> Header:
    if not isinstance(tensor, dict):
        raise BadRequestError(f"{where}: {shown(tensor)} is not a tensor {{name, shape, datatype, data}}")
    named = cast(dict[str, Any], tensor)
    missing = [key for key in ("name", "shape", "datatype") if key not in named]
    if _binary_size(named, where) is None and "data" not in named:
        missing.append("data")
    if missing:
        raise BadRequestError(f"{where}: {missing} missing from the tensor {{name, shape, datatype, data}}")
    name, shape, datatype = named["name"], named["shape"], named["datatype"]
    if not isinstance(name, str):
        raise BadRequestError(f"{where}.name: {shown(name)} is not a string")
    if not isinstance(datatype, str) or datatype not in binary.DATATYPES:
        raise BadRequestError(f"{where}.datatype: {shown(datatype)} is not one of {list(binary.DATATYPES)}")
    return Header(name, datatype, _shape(shape, f"{where}.shape"))


def _shape(shape: Any, where: str) -> tuple[int, ...]:
    sizes: list[Any] = cast(list[Any], shape) if isinstance(shape, list) else [None]
    if not all(type(size) is int and size > 0 for size in sizes):
        raise BadRequestError(f"{where}: {shown(cast(Any, shape))} is not a list of positive integers")
    return tuple(sizes)


def _binary_size(tensor: dict[str, Any], where: str) -> int | None:
    """Bytes of the tensor's data after the JSON; None where its data is in the JSON."""
    parameters = tensor.get("parameters")
    if not isinstance(parameters, dict) or "binary_data_size" not in parameters:
        return None
    size = cast(dict[str, Any], parameters)["binary_data_size"]
    if type(size) is not int or size < 0:
        raise BadRequestError(f"{where}.parameters.binary_data_size: {shown(size)} is not a number of bytes")
    if "data" in tensor:
        raise BadRequestError(f"{where}: has both 'data' and 'binary_data_size'; give one of them")
    return size


def _data(tensors: list[Any], headers: list[Header], rest: memoryview, model: Model) -> list[NDArray[Any]]:
    arrays: list[NDArray[Any]] = []
    position = 0
    for index, (tensor, header) in enumerate(zip(tensors, headers, strict=True)):
        where = f"inputs[{index}].data"
        if "data" in tensor:
            arrays.append(_from_json(tensor["data"], header, where, model))
            continue
        size: int = tensor["parameters"]["binary_data_size"]
        if position + size > len(rest):
            raise BadRequestError(f"{where}: {size} bytes of binary data, but {len(rest) - position} are left")
        arrays.append(_from_binary(rest[position : position + size], header, where, model))
        position += size
    if position != len(rest):
        raise BadRequestError(f"{len(rest) - position} bytes after the binary data of the tensors")
    return arrays


def _from_binary(data: memoryview, header: Header, where: str, model: Model) -> NDArray[Any]:
    array = binary.decode(data, header.datatype, header.shape, where)
    if model.features is not None:
        check_finite(array, LARGEST, lambda index: where + _brackets(index, header.shape))
    return array


def _from_json(data: Any, header: Header, where: str, model: Model) -> NDArray[Any]:
    items, nested = _flat(data, header.shape, where)

    def place(index: int) -> str:
        return where + (_brackets(index, header.shape) if nested else f"[{index}]")

    if model.features is not None:
        return array_of(items, "FP64", place, LARGEST).reshape(header.shape)
    return array_of(items, header.datatype, place).reshape(header.shape)


def _brackets(index: int, shape: tuple[int, ...]) -> str:
    return "".join(f"[{each}]" for each in np.unravel_index(index, shape))


def _flat(data: Any, shape: tuple[int, ...], where: str) -> tuple[list[Any], bool]:
    """The elements in row-major order, and whether they came nested. The protocol allows data flat, or nested exactly
    as the shape; with other nesting rows would be mistaken for each other."""
    if not isinstance(data, list):
        raise BadRequestError(f"{where}: {shown(data)} is not a list")
    items = cast(list[Any], data)
    if len(shape) < 2 or list not in map(type, items):
        _check_length(items, math.prod(shape), shape, where, "elements")
        return items, False
    _check_nesting(items, shape, 0, where)
    for _ in shape[1:]:
        items = list(chain.from_iterable(items))
    return items, True


def _check_nesting(items: list[Any], shape: tuple[int, ...], depth: int, where: str) -> None:
    last = depth == len(shape) - 1
    _check_length(items, shape[depth], shape, where, "elements" if last else "rows")
    if last:
        return
    for index, item in enumerate(items):
        if not isinstance(item, list):
            raise BadRequestError(f"{where}[{index}]: {shown(item)} is not a list, as other rows are")
        _check_nesting(cast(list[Any], item), shape, depth + 1, f"{where}[{index}]")


def _check_length(items: list[Any], size: int, shape: tuple[int, ...], where: str, kind: str) -> None:
    if len(items) != size:
        raise BadRequestError(f"{where}: {len(items)} {kind}, but the shape {list(shape)} means {size}")


def identity_of(request: dict[str, Any]) -> str | None:
    """The `id` of a request, for its answer."""
    given = request.get("id", "")
    if not isinstance(given, str) or len(given) > MAX_ID:
        raise BadRequestError(f"'id': {shown(given)} is not a string of at most {MAX_ID} characters")
    return given if "id" in request else None


def requested_outputs(request: dict[str, Any], model: Model) -> list[Output]:
    """The outputs that a request asks for, in its order; all where it names none."""
    available = [spec.name for spec in model.outputs]
    requested = request.get("outputs", [])
    if not isinstance(requested, list):
        raise BadRequestError(f"'outputs': {shown(requested)} is not a list of {{name}}; the outputs are {available}")
    in_binary = _flag(request, "binary_data_output", "parameters", default=False)
    if not requested:
        return [Output(name, in_binary) for name in available]
    outputs = [
        _output(item, f"outputs[{index}]", available, in_binary)
        for index, item in enumerate(cast(list[Any], requested))
    ]
    check_outputs([each.name for each in outputs])
    return outputs


def _output(requested: Any, where: str, available: list[str], in_binary: bool) -> Output:
    named = cast(dict[str, Any], requested) if isinstance(requested, dict) else {}
    name = named.get("name")
    if not isinstance(name, str) or name not in available:
        raise BadRequestError(f"{where}: {shown(cast(Any, requested))} names none of the outputs {available}")
    return Output(name, _flag(named, "binary_data", f"{where}.parameters", default=in_binary))


def _flag(holder: dict[str, Any], key: str, where: str, *, default: bool) -> bool:
    parameters = holder.get("parameters")
    value = cast(dict[str, Any], parameters).get(key, default) if isinstance(parameters, dict) else default
    if not isinstance(value, bool):
        raise BadRequestError(f"{where}.{key}: {shown(value)} is not true or false")
    return value

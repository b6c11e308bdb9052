"""Tensors between the protocol's messages and arrays: their data in fields by datatype, or raw."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.server import binary
from workloads.server.elements import LARGEST, check_finite
from workloads.server.errors import BadRequestError, shown
from workloads.server.grpc.inference_pb2 import InferTensorContents, ModelInferRequest, ModelInferResponse
from workloads.server.inference import Header, check_count, check_headers, check_outputs, inputs_of
from workloads.server.json_requests import MAX_ID
from workloads.server.model import PROBABILITIES, Model, Pin

FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Of InferTensorContents, by datatype; FP16 has none."""


class InferRequest(NamedTuple):
    inputs: dict[str, NDArray[Any]]
    outputs: list[str]
    """In the order in which they are answered."""
    raw: bool
    """Whether the data came raw, and is answered so."""
    id: str


def infer_request(request: ModelInferRequest, model: Model) -> InferRequest:
    """What a request asks of the model. Refuses, with its place, whatever the model does not take."""
    if not request.inputs:
        raise BadRequestError("'inputs' must be one or more tensors {name, datatype, shape, contents}")
    check_count(len(request.inputs), model)
    headers = [_header(tensor, f"inputs[{index}]") for index, tensor in enumerate(request.inputs)]
    check_headers(headers, model)
    outputs = _outputs([output.name for output in request.outputs], model)
    if len(request.id) > MAX_ID:
        raise BadRequestError(f"'id': {shown(request.id)} is not a string of at most {MAX_ID} characters")
    raw = bool(request.raw_input_contents)
    arrays = _raw(request, headers) if raw else _contents(request, headers)
    if model.features is not None:
        for index, array in enumerate(arrays):
            check_finite(array, LARGEST, lambda element, index=index: f"inputs[{index}]: element {element}")
    return InferRequest(inputs_of(headers, arrays, model), outputs, raw, request.id)


def _header(tensor: ModelInferRequest.InferInputTensor, where: str) -> Header:
    if tensor.datatype not in binary.DATATYPES:
        raise BadRequestError(f"{where}.datatype: {shown(tensor.datatype)} is not one of {list(binary.DATATYPES)}")
    shape = tuple(tensor.shape)
    if not shape or min(shape) < 1:
        raise BadRequestError(f"{where}.shape: {shown(list(shape))} is not a list of positive integers")
    return Header(tensor.name, tensor.datatype, shape)


def _outputs(asked: Sequence[str], model: Model) -> list[str]:
    available = [spec.name for spec in model.outputs]
    for index, name in enumerate(asked):
        if name not in available:
            raise BadRequestError(f"outputs[{index}]: {shown(name)} names none of the outputs {available}")
    check_outputs(asked)
    return list(asked) or available


def _raw(request: ModelInferRequest, headers: Sequence[Header]) -> list[NDArray[Any]]:
    data = request.raw_input_contents
    if len(data) != len(headers):
        raise BadRequestError(f"'raw_input_contents': the data of {len(data)} tensors, but there are {len(headers)}")
    for index, tensor in enumerate(request.inputs):
        if tensor.HasField("contents"):
            raise BadRequestError(f"inputs[{index}]: has 'contents' beside 'raw_input_contents'; give one of them")
    return [
        binary.decode(each, header.datatype, header.shape, f"raw_input_contents[{index}]")
        for index, (each, header) in enumerate(zip(data, headers, strict=True))
    ]


def _contents(request: ModelInferRequest, headers: Sequence[Header]) -> list[NDArray[Any]]:
    return [
        _array(tensor.contents, header, f"inputs[{index}].contents")
        for index, (tensor, header) in enumerate(zip(request.inputs, headers, strict=True))
    ]


def _array(contents: InferTensorContents, header: Header, where: str) -> NDArray[Any]:
    if (field := FIELDS.get(header.datatype)) is None:
        raise BadRequestError(f"{where}: there is no field for {header.datatype}: send it in 'raw_input_contents'")
    items: Sequence[Any] = getattr(contents, field)
    count = math.prod(header.shape)
    if len(items) != count:
        raise BadRequestError(
            f"{where}.{field}: {len(items)} elements, but the shape {list(header.shape)} of {header.datatype} "
            f"means {count}"
        )
    if header.datatype == "BYTES":
        texts = [binary.text_of(item, f"{where}.{field}[{index}]") for index, item in enumerate(items)]
        return np.array(texts, dtype=np.object_).reshape(header.shape)
    return _numbers(items, header, f"{where}.{field}")


def _numbers(items: Sequence[Any], header: Header, where: str) -> NDArray[Any]:
    """Refuses what the field takes, but the datatype does not: an INT8 of 300."""
    dtype = binary.DATATYPES[header.datatype]
    array = np.array(items)
    if dtype.kind in "iu" and dtype.itemsize < 4:
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        outside = (array < least) | (array > most)
        if outside.any():
            index = int(outside.argmax())
            raise BadRequestError(f"{where}[{index}]: {array[index]} is not within the range of {header.datatype}")
    return array.astype(dtype, copy=False).reshape(header.shape)


def identity(pin: Pin) -> bytes:
    """What every answer begins with. Messages of protobuf that follow each other are one with the fields of all."""
    response = ModelInferResponse(model_name=pin.name, model_version=pin.version)
    response.parameters["model_digest"].string_param = pin.digest
    return response.SerializeToString()


def infer_response(outputs: Mapping[str, NDArray[Any]], asked: InferRequest, model: Model) -> bytes:
    """An answer without the identity of the model. Raw where the request was, and where an output is FP16, which has no
    field."""
    datatypes = {name: binary.datatype_of(outputs[name]) for name in asked.outputs}
    classes = {PROBABILITIES: model.classes}
    if asked.raw or not FIELDS.keys() >= set(datatypes.values()):
        described = [
            _described(name, datatype, outputs[name].shape, classes.get(name)) for name, datatype in datatypes.items()
        ]
        data = [binary.encode(outputs[name]) for name in datatypes]
        return b"".join([*described, ModelInferResponse(id=asked.id, raw_output_contents=data).SerializeToString()])
    response = ModelInferResponse(id=asked.id)
    for name, datatype in datatypes.items():
        tensor = _add(response, name, datatype, outputs[name].shape, classes.get(name))
        _fill(tensor.contents, outputs[name], datatype)
    return response.SerializeToString()


@lru_cache(maxsize=64)
def _described(name: str, datatype: str, shape: tuple[int, ...], classes: tuple[str, ...] | None) -> bytes:
    """An answer with this output alone, without its data."""
    response = ModelInferResponse()
    _add(response, name, datatype, shape, classes)
    return response.SerializeToString()


def _add(
    response: ModelInferResponse, name: str, datatype: str, shape: tuple[int, ...], classes: tuple[str, ...] | None
) -> ModelInferResponse.InferOutputTensor:
    tensor = response.outputs.add(name=name, datatype=datatype, shape=shape)
    if classes is not None:
        tensor.parameters["classes"].string_param = ",".join(classes)
    return tensor


def _fill(contents: InferTensorContents, array: NDArray[Any], datatype: str) -> None:
    items: list[Any] = array.ravel().tolist()
    if datatype == "BYTES":
        items = [str(item).encode() for item in items]
    getattr(contents, FIELDS[datatype]).extend(items)

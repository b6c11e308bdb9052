"""Outputs of a model as the body of an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from workloads.server import binary
from workloads.server.json_requests import Output
from workloads.server.model import PROBABILITIES, Model

Content = dict[str, Any]
NUMBER_BYTES, OBJECT_BYTES = 32, 128
"""Memory of one element until it is sent: a number in its array and as text; a string, or a number as Python's object,
besides."""


def encode_json(content: Content) -> bytes:
    """Numbers that JSON has no word for (NaN, infinity) become null."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def infer_answer(
    found: Mapping[str, NDArray[Any]], outputs: Sequence[Output], model: Model, content: Content
) -> tuple[bytes, int | None]:
    """The body, and how many of its bytes are JSON where binary data follows them.

    content: what stands before the outputs. Probabilities are in the order of the model's classes.
    """
    described: list[Content] = []
    parts: list[bytes] = []
    for output in outputs:
        array = found[output.name]
        tensor: Content = {"name": output.name, "datatype": binary.datatype_of(array), "shape": array.shape}
        if output.name == PROBABILITIES and model.classes is not None:
            tensor["parameters"] = {"classes": ",".join(model.classes)}
        if output.binary:
            parts.append(binary.encode(array))
            tensor["parameters"] = {**tensor.get("parameters", {}), "binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = _flat(array)
        described.append(tensor)
    text = encode_json({**content, "outputs": described})
    return (b"".join([text, *parts]), len(text)) if parts else (text, None)


def _flat(array: NDArray[Any]) -> list[Any] | NDArray[Any]:
    return array.ravel().tolist() if array.dtype == np.object_ else np.ascontiguousarray(array).ravel()


def memory_of(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Bytes that the tensors take until they are answered."""
    return sum(array.size * (OBJECT_BYTES if array.dtype == np.object_ else NUMBER_BYTES) for array in arrays.values())

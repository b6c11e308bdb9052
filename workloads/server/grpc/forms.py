"""Reads at once the requests that differ from an earlier one in their numbers alone, as a client's usually do.

All else of such a request is checked already: its numbers are behind the bytes that both begin with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.server.binary import DATATYPES
from workloads.server.bounds import INLINE_BYTES
from workloads.server.elements import LARGEST, check_finite
from workloads.server.grpc.inference_pb2 import ModelInferRequest
from workloads.server.grpc.tensors import InferRequest
from workloads.server.inference import Header, inputs_of
from workloads.server.model import Model

MAX_FORMS, MAX_HEAD = 64, 2**10
"""How many are known at a time, and the bytes of each: 64 KiB in all."""


@dataclass(frozen=True, slots=True)
class Form:
    head: bytes
    """All bytes before the numbers."""
    header: Header
    dtype: np.dtype[Any]
    outputs: list[str]
    model: Model


class Forms:
    """Of requests with one tensor of raw numbers and no id, which is another for each."""

    def __init__(self) -> None:
        self._known: dict[int, Form] = {}
        """By the length of the whole message, the last one of each."""

    def read(self, message: bytes, model: Model) -> InferRequest | None:
        """What the message asks, None where its form is not known. Refuses numbers that the model does not take."""
        form = self._known.get(len(message))
        if form is None or form.model is not model or not message.startswith(form.head):
            return None
        # A copy, since numbers anywhere in a message may lie across the words of memory.
        array = np.ndarray(form.header.shape, form.dtype, message, len(form.head)).copy()
        if model.features is not None:
            check_finite(array, LARGEST, lambda element: f"inputs[0]: element {element}")
        return InferRequest(inputs_of([form.header], [array], model), form.outputs, raw=True, id="")

    def learn(self, message: bytes, request: ModelInferRequest, outputs: Sequence[str], model: Model) -> None:
        """Know the form of a message that was read as this request, and asks for these outputs. The request is used
        up."""
        if request.id or len(request.inputs) != 1 or len(request.raw_input_contents) != 1:
            return
        tensor, size = request.inputs[0], len(request.raw_input_contents[0])
        head, dtype = message[: len(message) - size], DATATYPES[tensor.datatype]
        if len(message) > INLINE_BYTES or len(head) > MAX_HEAD or dtype.kind not in "fiu":
            return
        if head != _head(request, size):
            return
        if len(self._known) >= MAX_FORMS:
            self._known.clear()
        header = Header(tensor.name, tensor.datatype, tuple(tensor.shape))
        self._known[len(message)] = Form(head, header, dtype, list(outputs), model)


def _head(request: ModelInferRequest, size: int) -> bytes:
    """What any numbers of this size may follow: all other fields, then what says that so many bytes of numbers come."""
    request.ClearField("raw_input_contents")
    numbers = ModelInferRequest(raw_input_contents=[bytes(size)]).SerializeToString()
    return request.SerializeToString() + numbers[: len(numbers) - size]

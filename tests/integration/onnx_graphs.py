"""Graphs of classifiers that answer rightly, but fail for some rows, or are slow."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from workloads.onnx_form import INPUT, PROBABILITIES

SIDE = 1500
"""Of the square matrices that a slow model multiplies, four times: some 0.4 s on one CPU."""


def failing(graph: bytes, above: float) -> bytes:
    """Fails where the greatest number of a request's rows is above that."""
    nodes = [
        helper.make_node("ReduceMax", [INPUT], ["greatest"], keepdims=0),
        helper.make_node("Greater", ["greatest", "above"], ["is_above"]),
        helper.make_node("Cast", ["is_above"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["zeros", "place"], ["zero"]),  # of which there is one
    ]
    return _with(graph, nodes, above=np.array(above), zeros=np.zeros(1, dtype=np.float32))


def slow(graph: bytes) -> bytes:
    """Multiplies large matrices of zeros before it answers."""
    nodes = [
        helper.make_node("ReduceMax", [INPUT], ["greatest"], keepdims=0),
        helper.make_node("Cast", ["greatest"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["single", "nothing"], ["none"]),
        helper.make_node("Expand", ["none", "sides"], ["matrix0"]),
        *(helper.make_node("MatMul", [f"matrix{n}", f"matrix{n}"], [f"matrix{n + 1}"]) for n in range(4)),
        helper.make_node("ReduceMax", ["matrix4"], ["zero"], keepdims=0),
    ]
    return _with(graph, nodes, nothing=np.zeros((), dtype=np.float32), sides=np.array([SIDE, SIDE]))


def _with(graph: bytes, nodes: list[Any], **constants: NDArray[Any]) -> bytes:
    """A graph whose probabilities have the nodes' result `zero` added."""
    model: Any = onnx.load_from_string(graph)
    for node in model.graph.node:
        node.output[:] = ["answered" if name == PROBABILITIES else name for name in node.output]
    model.graph.initializer.extend(from_array(value, name=name) for name, value in constants.items())
    model.graph.node.extend([*nodes, helper.make_node("Add", ["answered", "zero"], [PROBABILITIES])])
    return model.SerializeToString(deterministic=True)

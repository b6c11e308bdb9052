"""Models that answer at once, without files of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from workloads.server.model import INPUT, LABEL, PROBABILITIES, Model, TensorSpec

Arrays = Mapping[str, NDArray[Any]]


class Session:
    """What the code uses of ONNX Runtime's session, over a function of the inputs."""

    def __init__(self, answer: Callable[[Arrays], Arrays]) -> None:
        self.answer = answer

    def run(self, names: Sequence[str], inputs: Arrays) -> list[NDArray[Any]]:
        outputs = self.answer(inputs)
        return [outputs[name] for name in names]


def box_model(answer: Callable[[Arrays], Arrays] | None = None) -> Model:
    """A classifier of large and small things, by their width."""
    return Model(
        inputs=(TensorSpec(INPUT, "FP64", (-1, 2)),),
        outputs=(TensorSpec(LABEL, "BYTES", (-1,)), TensorSpec(PROBABILITIES, "FP64", (-1, 2))),
        features=("width", "height"),
        classes=("large", "small"),
        library="tests 1",
        session=cast(Any, Session(answer or _by_width)),
    )


def _by_width(inputs: Arrays) -> Arrays:
    large = np.clip(inputs[INPUT][:, 0] / 10, 0, 1)
    return {PROBABILITIES: np.stack([large, 1 - large], axis=1)}


def tensor_model() -> Model:
    """Takes text, and pictures of 2 x 3 values: gives the text in capitals, and each picture with its sum."""
    return Model(
        inputs=(TensorSpec("text", "BYTES", (-1, 1)), TensorSpec("picture", "FP32", (-1, 2, 3))),
        outputs=(
            TensorSpec("capitals", "BYTES", (-1, 1)),
            TensorSpec("doubled", "FP32", (-1, 2, 3)),
            TensorSpec("positive", "BOOL", (-1,)),
        ),
        features=None,
        classes=None,
        library="tests 1",
        session=cast(Any, Session(_capitals_and_doubled)),
    )


def _capitals_and_doubled(inputs: Arrays) -> Arrays:
    text, picture = inputs["text"], inputs["picture"]
    capitals = np.array([str(each).upper() for each in text.ravel()], dtype=object).reshape(text.shape)
    return {"capitals": capitals, "doubled": picture * 2, "positive": picture.sum(axis=(1, 2)) > 0}


def run_model(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], answer: Callable[[Arrays], Arrays]
) -> Model:
    """A model of any tensors."""
    return Model(
        inputs=inputs,
        outputs=outputs,
        features=None,
        classes=None,
        library="tests 1",
        session=cast(Any, Session(answer)),
    )

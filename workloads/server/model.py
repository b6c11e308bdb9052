"""The pinned model: signed by its training, fetched from the object store, held to its digest, loaded once."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from workloads.artifacts import download_folder, folder_digest
from workloads.signing import NotTrustedError, Statement, Trust

if TYPE_CHECKING:
    from onnxruntime import InferenceSession as Session

ONNX, DESCRIPTION, HELD_OUT = "serving/model.onnx", "serving/model.json", "serving/held_out.npz"
"""In a model's folder: the graph; its library, features and classes; rows with what the native model answered."""
INPUT, LABEL, PROBABILITIES = "input", "label", "probabilities"
"""Tensors of a classifier over named columns."""
DATATYPES = {
    "tensor(double)": "FP64",
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(int64)": "INT64",
    "tensor(int32)": "INT32",
    "tensor(int16)": "INT16",
    "tensor(int8)": "INT8",
    "tensor(uint64)": "UINT64",
    "tensor(uint32)": "UINT32",
    "tensor(uint16)": "UINT16",
    "tensor(uint8)": "UINT8",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
}
"""Names of the Open Inference Protocol V2, by ONNX Runtime's."""


class ModelRefusedError(Exception):
    """Nobody signed the model, the files are not the pinned ones, or no ONNX model: asking again would not help."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Which model this server answers with, as the release says."""

    version: str
    statement: Statement
    signature: str
    trust: Trust

    @property
    def name(self) -> str:
        return self.statement.model

    @property
    def uri(self) -> str:
        return self.statement.uri

    @property
    def digest(self) -> str:
        return self.statement.digest

    @property
    def identity(self) -> dict[str, str]:
        """What every answer carries."""
        return {"model_name": self.name, "model_version": self.version, "model_digest": self.digest}


def read_pin(environ: Mapping[str, str]) -> Pin:
    """From the variables of workloads/documents.py."""
    return Pin(
        version=environ["MODEL_VERSION"],
        statement=Statement(
            model=environ["MODEL_NAME"],
            uri=environ["MODEL_URI"],
            digest=environ["MODEL_DIGEST"],
            run=environ["MODEL_RUN"],
            data_digest=environ["MODEL_DATA_DIGEST"],
            image_digest=environ["MODEL_IMAGE_DIGEST"],
            config_digest=environ["MODEL_CONFIG_DIGEST"],
        ),
        signature=environ["MODEL_SIGNATURE"],
        trust=Trust(public_key=environ["MODEL_PUBLIC_KEY"], root=environ["MODEL_ROOT"]),
    )


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that a model takes or gives."""

    name: str
    datatype: str
    """As the Open Inference Protocol V2 names it: FP64, FP32, INT64, BYTES, BOOL and the like."""
    shape: tuple[int, ...]
    """-1: any size."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model: what it takes and gives, and the answers to it.

    A classifier over named columns takes one tensor `input` of FP64 [rows, features] and gives `label`, BYTES [rows],
    and `probabilities` [rows, classes]. Any other model has no features; its tensors are those of its ONNX graph.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    features: tuple[str, ...] | None
    """Names of the columns, in the order of `input`."""
    classes: tuple[str, ...] | None
    """Labels, in the order of `probabilities`."""
    library: str
    """By which it was trained, with its version."""
    session: "Session"

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return all outputs by name. inputs: one array for each of `inputs`, of its datatype and shape. Threads may
        call it at the same time."""
        # A graph of which every output is a tensor, as `load` requires, gives arrays alone.
        arrays = cast("Sequence[NDArray[Any]]", self.session.run(self._computed, inputs))
        found = dict(zip(self._computed, arrays, strict=True))
        if self.features is None or self.classes is None:
            return found
        best = found[PROBABILITIES].argmax(axis=1)
        return {LABEL: self._labels[best], **found}

    @cached_property
    def _labels(self) -> NDArray[Any]:
        return np.array(self.classes, dtype=object)

    @cached_property
    def _computed(self) -> list[str]:
        """Names of the outputs of the graph: the label follows from the probabilities."""
        return [PROBABILITIES] if self.features is not None else [each.name for each in self.outputs]


def fetch(pin: Pin, client: Any, folder: Path) -> None:
    """The model's files into an empty folder. Refuses a model that its training did not sign, of which nothing is
    read, and files that are not the pinned ones."""
    try:
        pin.trust.require(pin.statement, pin.signature)
    except NotTrustedError as error:
        raise ModelRefusedError(f"model {pin.name} version {pin.version}: {error}: not served") from error
    download_folder(client, pin.uri, folder)
    if (found := folder_digest(folder)) != pin.digest:
        raise ModelRefusedError(
            f"model {pin.name} version {pin.version}: the files at {pin.uri} have the digest {found}, "
            f"but the release pins {pin.digest}; they were changed after training: not served"
        )


THREADS = "MODEL_THREADS"
"""Variable of the pod with how many CPU threads compute: as many as its limit has whole CPUs, one at least."""


def load(folder: Path, *, threads: int | None = None) -> Model:
    """Load the ONNX form of a model from the folder that its training stored. Nothing in it is run as code.

    threads: CPU threads of one computation; None: as the variable MODEL_THREADS says, or one. Raise ModelRefusedError
    for a folder without this form, a graph that ONNX Runtime does not take, and one that is not what its description
    says.
    """
    if not (folder / ONNX).is_file() or not (folder / DESCRIPTION).is_file():
        raise ModelRefusedError(
            f"the model has no {ONNX} with a {DESCRIPTION}: it was trained before trainings stored models as ONNX; "
            "train it again and release the new version"
        )
    try:
        session = _session(folder / ONNX, threads or int(os.environ.get(THREADS, "1")))
        taken, given = cast("list[Sequence[Any]]", [session.get_inputs(), session.get_outputs()])
        described = json.loads((folder / DESCRIPTION).read_bytes())
        model = Model(
            inputs=tuple(map(_spec, taken)),
            outputs=tuple(map(_spec, given)),
            features=_names(described["features"]),
            classes=_names(described["classes"]),
            library=str(described["library"]),
            session=session,
        )
    except ModelRefusedError:
        raise
    except Exception as error:  # ONNX Runtime has a class of its own for each way in which a file is no model
        raise ModelRefusedError(f"the model can't be loaded: {type(error).__name__}: {error}") from error
    return model if model.features is None else _classifier(model, model.features)


def _session(file: Path, threads: int) -> "Session":
    import onnxruntime

    library: Any = onnxruntime  # much of it is compiled, without types
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings are of what it makes better by itself
    # Threads that wait for work in a loop would use up the CPU time that the pod is limited to.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return library.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _names(given: Any) -> tuple[str, ...] | None:
    return None if given is None else tuple(str(name) for name in given)


def _spec(tensor: Any) -> TensorSpec:
    """From ONNX Runtime's description of an input or output; a size that it names or leaves open is any."""
    if tensor.type not in DATATYPES:
        raise ModelRefusedError(
            f"the model's {tensor.name!r} is of type {tensor.type}: convert it to one of {', '.join(DATATYPES)}"
        )
    return TensorSpec(
        tensor.name, DATATYPES[tensor.type], tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    )


def _classifier(model: Model, features: tuple[str, ...]) -> Model:
    """A model over named columns with the label among its outputs. Refuses a graph that does not fit its names."""
    classes = model.classes or ()
    taken = TensorSpec(INPUT, "FP64", (-1, len(features)))
    given = next((each for each in model.outputs if each.name == PROBABILITIES), None)
    if model.inputs != (taken,) or given is None or not classes or given.shape != (-1, len(classes)):
        raise ModelRefusedError(
            f"the model is described as a classifier of {list(features)} into {list(classes)}, but its graph takes "
            f"{model.inputs} and gives {model.outputs}: expected {taken}, and {PROBABILITIES!r} for each row and class"
        )
    return replace(model, outputs=(TensorSpec(LABEL, "BYTES", (-1,)), given))

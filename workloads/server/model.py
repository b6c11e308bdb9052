"""The pinned model: signed by its training, fetched from the object store, held to its digest, loaded once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from workloads.artifacts import download_folder, folder_digest
from workloads.signing import NotTrustedError, Statement, Trust


class ModelRefusedError(Exception):
    """Nobody signed the model, the files are not the pinned ones, or no classifier: asking again would not help."""


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
    name: str
    datatype: str
    """The protocol's: FP64, INT64, BYTES..."""
    shape: tuple[int, ...]
    """-1: any size."""


@dataclass(frozen=True)
class Model:
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    features: tuple[str, ...] | None
    classes: tuple[str, ...] | None
    library: str
    answer: Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return self.answer(inputs)


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

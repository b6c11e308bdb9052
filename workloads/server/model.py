"""The pinned model: signed by its training, fetched from the object store, held to its digest, loaded once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
class Prediction:
    label: str
    probabilities: dict[str, float]
    """By class name; they sum to 1."""


@dataclass(frozen=True)
class Model:
    features: tuple[str, ...]
    """Names of the input columns, in the order of the model's signature."""
    classes: tuple[str, ...]
    estimator: Any

    def predict(self, rows: list[list[float]]) -> list[Prediction]:
        """One prediction a row; each row has one number for each feature, in their order."""
        import pandas as pd

        probabilities = self.estimator.predict_proba(pd.DataFrame(rows, columns=list(self.features)))
        return [
            Prediction(self.classes[int(row.argmax())], dict(zip(self.classes, map(float, row), strict=True)))
            for row in probabilities
        ]


NO_TRACKING = "http://127.0.0.1:9"
"""Loading a folder asks no tracking server, yet makes a client: of a kind that opens nothing until it is asked."""


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


def load(folder: Path) -> Model:
    """The model of an MLflow folder with the sklearn flavor. Refuses what is no classifier over named columns."""
    import mlflow

    library: Any = mlflow  # loads its flavors when they are first named
    library.set_tracking_uri(NO_TRACKING)
    try:
        signature: Any = library.models.Model.load(str(folder)).signature  # get_model_info would ask MLflow
        estimator: Any = library.sklearn.load_model(str(folder))
    except Exception as error:
        raise ModelRefusedError(f"the model can't be loaded: {type(error).__name__}: {error}") from error
    names: list[Any] = signature.inputs.input_names() if signature and signature.inputs else []
    if not names or not all(isinstance(name, str) for name in names):
        raise ModelRefusedError("the model has no signature with named columns: log it with one")
    if not hasattr(estimator, "predict_proba"):
        raise ModelRefusedError(f"{type(estimator).__name__} gives no probabilities: only classifiers are served")
    classes = tuple(str(name) for name in estimator.classes_)
    return Model(features=tuple(names), classes=classes, estimator=estimator)

"""The model that all servers have: the forest of the iris workload, trained once, in each form that a server takes."""
# scikit-learn, joblib and MLflow leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.paths import REPOSITORY
from modules.core.releases import Pin
from scripts.benchmarks.serving.question import Rows
from workloads import classification, onnx_form
from workloads.artifacts import digest_of, folder_digest
from workloads.classification import Split
from workloads.documents import model_variables, statement
from workloads.iris.selection import FOREST
from workloads.iris.train import IRIS
from workloads.signing import public_pem, sign

NAME = "iris"
BUCKET = "artifacts"
ROOT = f"s3://{BUCKET}/models/{NAME}"


@dataclass(frozen=True)
class Trained:
    """native: folder with model.joblib; mlflow: what a training stores, MLflow's folder; onnx: the folder in it with
    model.onnx and model.json."""

    folder: Path
    features: tuple[str, ...]
    rows: Rows
    """Held out; repeated where more are asked for."""

    @property
    def native(self) -> Path:
        return self.folder / "native"

    @property
    def mlflow(self) -> Path:
        return self.folder / "mlflow"

    @property
    def onnx(self) -> Path:
        return self.mlflow / onnx_form.FOLDER

    def some(self, count: int) -> Rows:
        return [self.rows[index % len(self.rows)] for index in range(count)]


def trained(folder: Path) -> Trained:
    """Train the forest with the workload's own parameters, and write all its forms into an empty folder."""
    parameters: dict[str, Any] = yaml.safe_load((REPOSITORY / "workloads/iris/workload.yaml").read_text())["parameters"]
    parts = IRIS.split(IRIS.seed_data(), seed=parameters["seed"], test_size=parameters["test_size"])
    forest = IRIS.build(FOREST, parameters["seed"], parameters["models"][FOREST]).fit(parts.x_train, parts.y_train)
    rows: list[list[float]] = parts.x_test.to_numpy().tolist()
    made = Trained(folder, tuple(IRIS.features), rows)
    _write_native(forest, made)
    _write_mlflow(forest, parts, made)
    _write_onnx(forest, parts, made)
    return made


def published(made: Trained, root: Path) -> dict[str, str]:
    """Put the model where our server fetches it, below the folder of an object store, and sign it as a training does.

    Return the variables that a pod of the serving image has."""
    key = Ed25519PrivateKey.generate()
    digest = folder_digest(made.mlflow)
    place = f"models/{NAME}/{digest.removeprefix('sha256:')}"
    shutil.copytree(made.mlflow, root / BUCKET / place)
    return _variables(key, digest, f"s3://{BUCKET}/{place}")


def _variables(key: Ed25519PrivateKey, digest: str, uri: str) -> dict[str, str]:
    digest_of_inputs = digest_of(b"bench")
    pin = Pin(
        release=1,
        model_name=NAME,
        model_version=1,
        model_uri=uri,
        model_digest=digest,
        run="bench",
        data_digest=digest_of_inputs,
        image_digest=digest_of_inputs,
        config_digest=digest_of_inputs,
    )
    signed = pin.model_copy(update={"signature": sign(key, statement(pin))})
    return {**model_variables(signed), "MODEL_PUBLIC_KEY": public_pem(key), "MODEL_ROOT": ROOT}


def _write_native(forest: Any, made: Trained) -> None:
    import joblib

    made.native.mkdir(parents=True)
    joblib.dump(forest, made.native / "model.joblib")


def _write_mlflow(forest: Any, parts: Split, made: Trained) -> None:
    mlflow: Any = classification.mlflow
    mlflow.sklearn.save_model(
        forest,
        str(made.mlflow),
        serialization_format="cloudpickle",
        signature=mlflow.models.infer_signature(parts.x_train, forest.predict(parts.x_train)),
        pip_requirements=[],
    )


def _write_onnx(forest: Any, parts: Split, made: Trained) -> None:
    graph = IRIS.converted(FOREST, forest)
    onnx_form.add_classifier(made.mlflow, forest, parts.x_test, graph=graph, library=IRIS.library)

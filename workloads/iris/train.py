"""Trains iris: two classifiers on the same split, both logged to MLflow, the better one registered as champion.

One parent run a training (named as its Job), one child run a classifier. `python -m workloads.iris.train`.
"""
# scikit-learn and pandas leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
import hashlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow as mlflow_library
import numpy as np
import pandas as pd
from mlflow.entities import Metric
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

from workloads import experiment, onnx_form
from workloads.artifacts import object_store
from workloads.experiment import Config, TrainingError, say
from workloads.iris.selection import BOOSTING, FOREST, select_best

mlflow: Any = mlflow_library  # loads its flavors when they are first named
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
TARGET = "species"
CLASSIFIERS: dict[str, Any] = {
    FOREST: RandomForestClassifier,
    BOOSTING: GradientBoostingClassifier,
}
PACKAGES = ("mlflow-skinny", "scikit-learn", "numpy", "scipy", "pandas", "joblib", "cloudpickle")
"""What a logged model needs to load again, pinned at the versions it was trained with."""


@dataclass(frozen=True)
class Split:
    """Train and held-out rows: features as data frames, the species' names as series; the original row numbers kept."""

    x_train: Any
    x_test: Any
    y_train: Any
    y_test: Any


def seed_data() -> bytes:
    """Return scikit-learn's iris in one canonical form: header, shortest decimals, species by name, Unix line ends."""
    from sklearn.datasets import load_iris

    bundle: Any = load_iris()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FEATURES, TARGET])
    for row, target in zip(bundle.data, bundle.target, strict=True):
        writer.writerow([*(repr(float(value)) for value in row), bundle.target_names[target]])
    return text.getvalue().encode()


def split(content: bytes, *, seed: int, test_size: float, declared_rows: int | None = None) -> Split:
    """Stratified by species, the same for the same seed. Refuses other columns than those declared above.

    Rows after the declared ones came later: whether one is held out depends on nothing but itself and the seed. So no
    row ever changes sides, and a champion of earlier data was never trained on what a candidate is measured by.
    """
    frame: Any = pd.read_csv(io.BytesIO(content))
    if list(frame.columns) != [*FEATURES, TARGET]:
        raise TrainingError(f"the data set has the columns {list(frame.columns)}, expected {[*FEATURES, TARGET]}")
    declared, later = frame.iloc[:declared_rows], frame.iloc[len(frame) if declared_rows is None else declared_rows :]
    parts: list[Any] = train_test_split(declared, test_size=test_size, random_state=seed, stratify=declared[TARGET])
    rows = later.itertuples(index=False, name=None)
    held = np.array([is_held_out(row, seed=seed, test_size=test_size) for row in rows], dtype=bool)
    train, test = (pd.concat([part, later.loc[chosen]]) for part, chosen in zip(parts, (~held, held), strict=True))
    return Split(train[FEATURES], test[FEATURES], train[TARGET], test[TARGET])


def is_held_out(row: tuple[Any, ...], *, seed: int, test_size: float) -> bool:
    """Of a row that came later, by its content: equal rows are on the same side."""
    digest = hashlib.sha256(f"{seed}:{row!r}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < test_size * 2**64


def staged_accuracies(model: Any, x: Any, y: Any) -> list[float]:
    """Held-out accuracy with the first 1, 2, ... n trees or boosting stages of a fitted model."""
    if isinstance(model, GradientBoostingClassifier):
        return [float(accuracy_score(y, predicted)) for predicted in model.staged_predict(x)]
    votes = np.cumsum([tree.predict_proba(x.to_numpy()) for tree in model.estimators_], axis=0)
    return [float(accuracy_score(y, model.classes_[stage.argmax(axis=1)])) for stage in votes]


def final_metrics(model: Any, x: Any, y: Any) -> dict[str, float]:
    predicted = model.predict(x)
    return {
        "accuracy": float(accuracy_score(y, predicted)),
        "f1_macro": float(f1_score(y, predicted, average="macro")),
        "log_loss": float(log_loss(y, model.predict_proba(x), labels=list(model.classes_))),
    }


def predictions_csv(model: Any, x: Any, y: Any) -> str:
    """One line a held-out row: its number in the data set, truth, prediction, and the probability of each species."""
    table = pd.DataFrame(model.predict_proba(x), columns=[f"probability_{name}" for name in model.classes_])
    table.insert(0, "predicted", model.predict(x))
    table.insert(0, "actual", y.to_numpy())
    table.insert(0, "row", x.index)
    return str(table.to_csv(index=False, lineterminator="\n"))


def held_out_csv(parts: Split, *, seed: int) -> str:
    """The labelled rows that no model was trained on, to ask of what serves; the last column is the label. Of more than
    HELD_OUT_LIMIT a sample, the same for the same seed."""
    rows = parts.x_test.assign(**{TARGET: parts.y_test})
    if len(rows) > experiment.HELD_OUT_LIMIT:
        rows = rows.sample(n=experiment.HELD_OUT_LIMIT, random_state=seed)
    return str(rows.to_csv(index=False, lineterminator="\n"))


def build(name: str, seed: int, parameters: Mapping[str, Any]) -> Any:
    """An unfitted classifier. Refuses parameters that its class does not have."""
    try:
        return CLASSIFIERS[name](random_state=seed, **parameters)
    except TypeError as error:
        raise TrainingError(f"workload.yaml: parameters.models.{name}: {error}") from error


def train_one(
    name: str, config: Config, parts: Split, tags: Mapping[str, str]
) -> tuple[Any, dict[str, float], Mapping[str, str]]:
    """Fits one classifier and logs it as a child run, signed and with its ONNX form: (MLflow's record of the model,
    final metrics, the run's tags). A repetition is compared, never released: it is not signed."""
    parameters: dict[str, Any] = config.parameters["models"][name]
    model = build(name, config.seed, parameters).fit(parts.x_train, parts.y_train)
    metrics = final_metrics(model, parts.x_test, parts.y_test)
    say(f"{name}: " + ", ".join(f"{metric} {value:.4f}" for metric, value in metrics.items()))
    with mlflow.start_run(run_name=name, nested=True, tags={**tags, "groundwork.role": "candidate"}) as run:
        mlflow.log_params({"classifier": name, "seed": config.seed, "test_size": config.parameters["test_size"]})
        mlflow.log_params(parameters)
        log_metrics(run.info.run_id, staged_accuracies(model, parts.x_test, parts.y_test), metrics)
        mlflow.log_text(predictions_csv(model, parts.x_test, parts.y_test), "predictions.csv")
        described: dict[str, Any] = {
            "serialization_format": "cloudpickle",  # nothing loads it but files that the training signed
            "signature": mlflow.models.infer_signature(parts.x_train, model.predict(parts.x_train)),
            "input_example": parts.x_train.iloc[:2],
            "pip_requirements": [f"{package}=={version(package)}" for package in PACKAGES],
        }
        info = mlflow.sklearn.log_model(model, name="model", **described)
        if "groundwork.reproduces" not in tags:
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made, "model")
                mlflow.sklearn.save_model(model, str(folder), **described)
                graph = onnx_form.from_scikit_learn(model, len(FEATURES))
                onnx_form.add_classifier(folder, model, parts.x_test, graph=graph, library="scikit-learn")
                mlflow.log_artifacts(str(folder / onnx_form.FOLDER), onnx_form.FOLDER)
                tags = experiment.signed_tags(config, object_store(), folder, run.info.run_id, tags)
            mlflow.set_tags(tags)
        return info, metrics, tags


def log_metrics(run_id: str, accuracies: list[float], final: Mapping[str, float]) -> None:
    """The accuracy with 1, 2, ... n trees as steps, then the final metrics: MLflow shows the last step's value.

    In one request: a hundred single ones would take longer than the training.
    """
    now, last = int(time.time() * 1000), len(accuracies)
    steps = [Metric("accuracy", value, now, step) for step, value in enumerate(accuracies[:-1], start=1)]
    steps += [Metric(name, value, now, last) for name, value in final.items()]
    mlflow.MlflowClient().log_batch(run_id, metrics=steps)


def train(environ: Mapping[str, str]) -> str:
    """A whole training; the id of its run."""
    config = experiment.read_config(environ["GROUNDWORK_TRAINING"])
    job, client, store = environ["GROUNDWORK_JOB"], mlflow.MlflowClient(), object_store()
    reproduces = bool(environ.get("GROUNDWORK_REPRODUCES"))
    found = mlflow.set_experiment(config.workload)
    if not reproduces and (run_id := experiment.finished_run(client, found.experiment_id, job)):
        say(f"{job} was finished before as run {run_id}: nothing to do")
        return run_id
    experiment.end_interrupted(client, found.experiment_id, job)
    content = experiment.read_data(config, store, seed_data)
    parts = split(
        content, seed=config.seed, test_size=config.parameters["test_size"], declared_rows=config.declared_rows
    )
    say(f"read {len(content)} bytes: {len(parts.x_train)} rows to train on, {len(parts.x_test)} held out")
    if set(config.parameters["models"]) != set(CLASSIFIERS):
        given = sorted(config.parameters["models"])
        raise TrainingError(f"workload.yaml: parameters.models: {given} given, {sorted(CLASSIFIERS)} are trained")
    tags = experiment.provenance(config, environ)
    with mlflow.start_run(run_name=job, tags={**tags, "groundwork.role": "training"}) as run:
        mlflow.log_params({"seed": config.seed, "test_size": config.parameters["test_size"]})
        results = {name: train_one(name, config, parts, tags) for name in CLASSIFIERS}
        best = select_best({name: metrics["accuracy"] for name, (_, metrics, _) in results.items()})
        info, metrics, signed = results[best]
        mlflow.log_metrics(metrics)
        mlflow.set_tag("groundwork.selected", best)
        if not reproduces:
            number = experiment.register(client, config, info, signed)
            mlflow.set_tag("groundwork.model_version", number)
            say(f"registered {config.model} version {number} ({best})")
            promote_if_better(client, config, store, number=number, accuracy=metrics["accuracy"], parts=parts)
    say(f"finished run {run.info.run_id}")
    return str(run.info.run_id)


def promote_if_better(client: Any, config: Config, store: Any, *, number: str, accuracy: float, parts: Split) -> None:
    """Holds the new version against the champion, and records what came of it at the training's run."""

    def measure(folder: Path) -> float:
        model = mlflow.sklearn.load_model(str(folder))
        return float(accuracy_score(parts.y_test, model.predict(parts.x_test)))

    verdict = experiment.promote_if_better(client, config, store, version=number, accuracy=accuracy, measure=measure)
    mlflow.set_tag("groundwork.champion", "accepted" if verdict.accepted else "rejected")
    mlflow.set_tag("groundwork.champion_verdict", str(verdict))
    if verdict.champion_accuracy is not None:
        mlflow.log_metric("champion_accuracy", verdict.champion_accuracy)
    say(str(verdict))


def main() -> int:
    try:
        train(os.environ)
    except TrainingError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How any classifier of a table is trained: on one split of its data set all of a workload's models, each logged to
MLflow with the form in which it is served, the best one registered and promoted if it is no worse than the champion.

One parent run a training (named as its Job), one child run a classifier. A workload's train.py declares the rest.
"""
# scikit-learn and pandas leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow as mlflow_library
import numpy as np
import pandas as pd
from mlflow.entities import Metric
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

from workloads import experiment, onnx_form, skops_form
from workloads.artifacts import object_store
from workloads.experiment import Config, TrainingError, say

mlflow: Any = mlflow_library  # loads its flavors when they are first named
PACKAGES = ("mlflow-skinny", "scikit-learn", "numpy", "scipy", "pandas", "joblib", "cloudpickle")
"""What any logged model needs to load again, pinned at the versions it was trained with."""


@dataclass(frozen=True)
class Split:
    """Train and held-out rows: features as data frames, the species' names as series; the original row numbers kept."""

    x_train: Any
    x_test: Any
    y_train: Any
    y_test: Any


def highest_accuracy(accuracies: Mapping[str, float]) -> str:
    """Return the name of the best model; of equally good ones the first."""
    return max(accuracies, key=lambda name: accuracies[name])


def final_accuracy(model: Any, x: Any, y: Any) -> list[float]:
    """Return the held-out accuracy of a fitted model, as its only step."""
    return [float(accuracy_score(y, model.predict(x)))]


@dataclass(frozen=True, kw_only=True)
class Classification:
    """A data set, and the classifiers that are trained on it."""

    features: Sequence[str]
    """Columns of numbers, in the order of the data set."""
    target: str
    """Column of the labels, after them."""
    seed_data: Callable[[], bytes]
    """Makes the declared data set, as CSV."""
    classifiers: Mapping[str, Any]
    """Classes by name, with scikit-learn's interface; each takes `random_state` and the declared hyperparameters."""
    library: str
    """The package of the classifiers."""
    graph: Callable[[Any], bytes]
    """Converts a fitted classifier to ONNX. Raises ValueError for what it can't convert."""
    select: Callable[[Mapping[str, float]], str] = highest_accuracy
    """Chooses a model by the held-out accuracies of all."""
    staged: Callable[[Any, Any, Any], list[float]] = final_accuracy
    """Gives the held-out accuracy with the first 1, 2, ... n parts of a fitted model."""

    def split(self, content: bytes, *, seed: int, test_size: float, declared_rows: int | None = None) -> Split:
        """Return the train and held-out rows: stratified by label, the same for the same seed. Refuses a data set
        without these columns; their order is free, since a table has those that were added to it last. Of others
        nothing is read, and rows without a value are left out.

        Rows after the declared ones came later, as may all rows of a table: whether one is held out depends on nothing
        but itself and the seed. So no row ever changes sides, and a champion of earlier data was never trained on what
        a candidate is measured by.
        """
        columns = [*self.features, self.target]
        frame: Any = pd.read_csv(io.BytesIO(content))
        if not {*columns} <= {*frame.columns}:
            raise TrainingError(f"the data set has the columns {list(frame.columns)}, expected {columns}")
        frame = frame[columns].dropna()
        declared, later = (
            frame.iloc[:declared_rows],
            frame.iloc[len(frame) if declared_rows is None else declared_rows :],
        )
        parts: list[Any] = [declared, declared]
        if len(declared):
            parts = train_test_split(declared, test_size=test_size, random_state=seed, stratify=declared[self.target])
        rows = later.itertuples(index=False, name=None)
        held = np.array([is_held_out(row, seed=seed, test_size=test_size) for row in rows], dtype=bool)
        train, test = (pd.concat([part, later.loc[chosen]]) for part, chosen in zip(parts, (~held, held), strict=True))
        return Split(train[columns[:-1]], test[columns[:-1]], train[self.target], test[self.target])

    def held_out_csv(self, parts: Split, *, seed: int) -> str:
        """The labelled rows that no model was trained on, to ask of what serves; the last column is the label. Of more
        than HELD_OUT_LIMIT a sample, the same for the same seed."""
        rows = parts.x_test.assign(**{self.target: parts.y_test})
        if len(rows) > experiment.HELD_OUT_LIMIT:
            rows = rows.sample(n=experiment.HELD_OUT_LIMIT, random_state=seed)
        return str(rows.to_csv(index=False, lineterminator="\n"))

    def build(self, name: str, seed: int, parameters: Mapping[str, Any]) -> Any:
        """An unfitted classifier. Refuses parameters that its class does not have."""
        try:
            return self.classifiers[name](random_state=seed, **parameters)
        except TypeError as error:
            raise TrainingError(f"workload.yaml: parameters.models.{name}: {error}") from error

    def train_one(
        self, name: str, config: Config, parts: Split, tags: Mapping[str, str]
    ) -> tuple[Any, dict[str, float], Mapping[str, str]]:
        """Fits one classifier and logs it as a child run, signed and with the form that is served: (MLflow's record of
        the model, final metrics, the run's tags). A repetition is compared, never released: it is not signed."""
        parameters: dict[str, Any] = config.parameters["models"][name]
        model = self.build(name, config.seed, parameters).fit(parts.x_train, parts.y_train)
        metrics = final_metrics(model, parts.x_test, parts.y_test)
        say(f"{name}: " + ", ".join(f"{metric} {value:.4f}" for metric, value in metrics.items()))
        with mlflow.start_run(run_name=name, nested=True, tags={**tags, "groundwork.role": "candidate"}) as run:
            mlflow.log_params({"classifier": name, "seed": config.seed, "test_size": config.parameters["test_size"]})
            mlflow.log_params(parameters)
            log_metrics(run.info.run_id, self.staged(model, parts.x_test, parts.y_test), metrics)
            mlflow.log_text(predictions_csv(model, parts.x_test, parts.y_test), "predictions.csv")
            packages = dict.fromkeys((*PACKAGES, self.library))
            described: dict[str, Any] = {
                "serialization_format": "cloudpickle",  # nothing loads it but files that the training signed
                "signature": mlflow.models.infer_signature(parts.x_train, model.predict(parts.x_train)),
                "input_example": parts.x_train.iloc[:2],
                "pip_requirements": [f"{package}=={version(package)}" for package in packages],
            }
            info = mlflow.sklearn.log_model(model, name="model", **described)
            if "groundwork.reproduces" not in tags:
                with tempfile.TemporaryDirectory() as made:
                    folder = Path(made, "model")
                    mlflow.sklearn.save_model(model, str(folder), **described)
                    self.add_served_form(folder, config, name, model, parts.x_test)
                    mlflow.log_artifacts(str(folder / onnx_form.FOLDER), onnx_form.FOLDER)
                    tags = experiment.signed_tags(config, object_store(), folder, run.info.run_id, tags)
                mlflow.set_tags(tags)
            return info, metrics, tags

    def add_served_form(self, folder: Path, config: Config, name: str, model: Any, rows: Any) -> None:
        """Add the form that is served to the folder with the native files of a fitted classifier; rows: held out."""
        if config.serving_format == "onnx":
            onnx_form.add_classifier(folder, model, rows, graph=self.converted(name, model), library=self.library)
            return
        try:
            skops_form.add_classifier(folder, model, rows, library=self.library, trusted=config.trusted)
        except TrainingError as error:
            raise TrainingError(f"workload.yaml: parameters.models.{name}: {error}") from error
        say(f"{name}: stored by skops, to be served from there instead of as ONNX; trusted: {list(config.trusted)}")

    def converted(self, name: str, model: Any) -> bytes:
        """Return a fitted classifier as ONNX. Raise TrainingError where that can't be, with what can be done."""
        try:
            return self.graph(model)
        except (ValueError, TrainingError) as error:
            reason = str(error).removesuffix(".")
            raise TrainingError(f"workload.yaml: parameters.models.{name}: {reason}{self._instead(model)}") from error

    def _instead(self, model: Any) -> str:
        """Return how a model can be served that has no ONNX form; empty where it can't."""
        if self.library != skops_form.LIBRARY:
            return ""
        try:
            _, types = skops_form.stored(model)
        except TrainingError as error:
            return f". Nor can it be served from skops: {error}"
        review = f" and, once you have reviewed these types, serving.trusted: [{', '.join(types)}]" if types else ""
        return f". Instead it can be served from skops: set serving.format: skops{review} in workload.yaml"

    def train(self, environ: Mapping[str, str]) -> str:
        """A whole training; the id of its run."""
        config = experiment.read_config(environ["GROUNDWORK_TRAINING"])
        job, client, store = environ["GROUNDWORK_JOB"], mlflow.MlflowClient(), object_store()
        reproduces = bool(environ.get("GROUNDWORK_REPRODUCES"))
        found = mlflow.set_experiment(config.workload)
        if not reproduces and (run_id := experiment.finished_run(client, found.experiment_id, job)):
            say(f"{job} was finished before as run {run_id}: nothing to do")
            return run_id
        experiment.end_interrupted(client, found.experiment_id, job)
        content = experiment.read_data(config, store, self.seed_data)
        parts = self.split(
            content, seed=config.seed, test_size=config.parameters["test_size"], declared_rows=config.declared_rows
        )
        say(f"read {len(content)} bytes: {len(parts.x_train)} rows to train on, {len(parts.x_test)} held out")
        if set(config.parameters["models"]) != set(self.classifiers):
            given = sorted(config.parameters["models"])
            raise TrainingError(
                f"workload.yaml: parameters.models: {given} given, {sorted(self.classifiers)} are trained"
            )
        tags = experiment.provenance(config, environ)
        with mlflow.start_run(run_name=job, tags={**tags, "groundwork.role": "training"}) as run:
            mlflow.log_params({"seed": config.seed, "test_size": config.parameters["test_size"]})
            results = {name: self.train_one(name, config, parts, tags) for name in self.classifiers}
            best = self.select({name: metrics["accuracy"] for name, (_, metrics, _) in results.items()})
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

    def held_out(self, document: str) -> str:
        """Return the rows that a training with this document holds out: a header, then as many as a log takes."""
        config = experiment.read_config(document)
        content = experiment.read_data(config, object_store(), self.seed_data)
        parts = self.split(
            content, seed=config.seed, test_size=config.parameters["test_size"], declared_rows=config.declared_rows
        )
        return self.held_out_csv(parts, seed=config.seed)


def table_csv(columns: Sequence[str], rows: Any, labels: Any) -> bytes:
    """Return a data set in one canonical form: a header, shortest decimals, labels last, Unix line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row, label in zip(rows, labels, strict=True):
        writer.writerow([*(repr(float(value)) for value in row), label])
    return text.getvalue().encode()


def is_held_out(row: tuple[Any, ...], *, seed: int, test_size: float) -> bool:
    """Of a row that came later, by its content: equal rows are on the same side."""
    digest = hashlib.sha256(f"{seed}:{row!r}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < test_size * 2**64


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


def log_metrics(run_id: str, accuracies: list[float], final: Mapping[str, float]) -> None:
    """The accuracy with 1, 2, ... n trees as steps, then the final metrics: MLflow shows the last step's value.

    In one request: a hundred single ones would take longer than the training.
    """
    now, last = int(time.time() * 1000), len(accuracies)
    steps = [Metric("accuracy", value, now, step) for step, value in enumerate(accuracies[:-1], start=1)]
    steps += [Metric(name, value, now, last) for name, value in final.items()]
    mlflow.MlflowClient().log_batch(run_id, metrics=steps)


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


def run_training(what: Classification) -> int:
    """Train as the environment says; return the exit code of the process."""
    return _run(lambda: what.train(os.environ))


def print_held_out(what: Classification) -> int:
    """Print the labelled rows that a training holds out, as CSV; return the exit code of the process.

    A release is measured by them. They follow from the training document alone, so that nobody needs to take the word
    of a run for them."""
    return _run(lambda: say(what.held_out(os.environ["GROUNDWORK_TRAINING"])))


def _run(work: Callable[[], object]) -> int:
    try:
        work()
    except TrainingError as error:
        say(f"error: {error}")
        return 1
    return 0

"""The tasks of iris' DAGs, each in a pod of its own: `python -m workloads.iris.tasks TASK ARGUMENT...`

    feature_engineering                      the address of the split data set
    train MODEL ADDRESS                      {"performance_<MODEL>": accuracy on the held-out rows}
    select_best_model MODEL=ACCURACY ...     the winner's name

What a task returns is written to where Airflow's sidecar finds it.
"""
# scikit-learn and pandas leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads import experiment
from workloads.artifacts import digest_of, object_store, split_s3
from workloads.experiment import TrainingError, say
from workloads.iris.selection import MODELS, classifier, select_best

if TYPE_CHECKING:
    from workloads.iris.train import Split

RESULT = Path("/airflow/xcom/return.json")
PARTS = ("train", "held_out")
ROW = "row"
"""Column of the row's number in the data set."""


def feature_engineering(environ: Mapping[str, str]) -> str:
    """Splits the verified data set and stores both parts; the same data, seed and share lie at the same address."""
    from workloads.iris.train import original_csv, split

    config, store = experiment.read_config(environ["GROUNDWORK_TRAINING"]), object_store()
    content = experiment.read_data(config, store, original_csv)
    files = split_files(split(content, seed=config.seed, test_size=config.parameters["test_size"]))
    digest = digest_of(b"\0".join(files[part] for part in PARTS)).removeprefix("sha256:")
    address = f"{environ['GROUNDWORK_FEATURES']}/{digest}"
    for part in PARTS:
        bucket, key = split_s3(f"{address}/{part}.csv")
        store.put_object(Bucket=bucket, Key=key, Body=files[part], ContentType="text/csv")
        say(f"stored {len(files[part].splitlines()) - 1} rows at s3://{bucket}/{key}")
    return address


def train(environ: Mapping[str, str], model: str, address: str) -> dict[str, float]:
    """Trains one model on the split data and logs it to MLflow as a run of its own; returns its accuracy."""
    name = classifier(model)
    import mlflow

    from workloads.iris.train import train_one

    config, store = experiment.read_config(environ["GROUNDWORK_TRAINING"]), object_store()
    parts = read_split({part: _read(store, f"{address}/{part}.csv") for part in PARTS})
    found = mlflow.set_experiment(config.workload)
    experiment.end_interrupted(mlflow.MlflowClient(), found.experiment_id, environ["GROUNDWORK_JOB"])
    _, metrics = train_one(name, config, parts, experiment.provenance(config, environ))
    return {f"performance_{model}": metrics["accuracy"]}


def select_best_model(*performances: str) -> str:
    """The winner's name, of MODEL=ACCURACY for each model."""
    pairs = [each.partition("=") for each in performances]
    try:
        accuracies = {classifier(model): float(accuracy) for model, _, accuracy in pairs}
    except ValueError as error:
        raise TrainingError(f"{' '.join(performances)}: MODEL=ACCURACY is wanted for each model: {error}") from error
    best = select_best(accuracies)
    winner = next(model for model, name in MODELS.items() if name == best)
    say(f"{winner} wins: {', '.join(performances)}")
    return winner


def split_files(parts: "Split") -> dict[str, bytes]:
    """Both parts of a split as CSV, by name."""
    pairs = {"train": (parts.x_train, parts.y_train), "held_out": (parts.x_test, parts.y_test)}
    return {
        part: x.assign(**{y.name: y}).to_csv(index_label=ROW, lineterminator="\n").encode()
        for part, (x, y) in pairs.items()
    }


def read_split(files: Mapping[str, bytes]) -> "Split":
    """What `split_files` wrote, exactly."""
    import pandas as pd

    from workloads.iris.train import FEATURES, TARGET, Split

    frames: list[Any] = [pd.read_csv(io.BytesIO(files[part]), index_col=ROW) for part in PARTS]
    train, held_out = frames
    return Split(train[FEATURES], held_out[FEATURES], train[TARGET], held_out[TARGET])


def _read(store: Any, address: str) -> bytes:
    bucket, key = split_s3(address)
    return store.get_object(Bucket=bucket, Key=key)["Body"].read()


def run(arguments: Sequence[str], environ: Mapping[str, str], result: Path) -> None:
    """Runs the task that the arguments name, and writes what it returns. TrainingError: unknown, or it can't go on."""
    known: dict[str, Callable[..., Any]] = {
        "feature_engineering": partial(feature_engineering, environ),
        "train": partial(train, environ),
        "select_best_model": select_best_model,
    }
    task, *rest = arguments or [""]
    if task not in known:
        raise TrainingError(f"task {task!r} is unknown; known: {', '.join(known)}")
    result.write_text(json.dumps(known[task](*rest)))


def main() -> int:
    try:
        run(sys.argv[1:], os.environ, RESULT)
    except TrainingError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

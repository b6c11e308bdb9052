"""The tasks of iris' DAGs, each in a pod of its own: `python -m workloads.iris.tasks TASK ARGUMENT...`

    feature_engineering                      the address of the split data set
    train MODEL ADDRESS                      {"performance_<MODEL>": accuracy on the held-out rows}
    select_best_model MODEL=ACCURACY ...     the winner's name
    take_new_data                            how many objects were accepted, quarantined, known; exit code 99: none
    train_champion                           the run of a whole training on what the data set is now

What a task returns is written to where Airflow's sidecar finds it.
"""
# scikit-learn and pandas leave most of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads import experiment, incoming
from workloads.artifacts import add_object, digest_of, object_store, split_s3
from workloads.columns import read_columns
from workloads.experiment import TrainingError, say
from workloads.iris.selection import MODELS, classifier, select_best

if TYPE_CHECKING:
    from workloads.classification import Split

RESULT = Path("/airflow/xcom/return.json")
PARTS = ("train", "held_out")
NOTHING_NEW = 99
"""Exit code by which Airflow skips what follows."""
ROW = "row"
"""Column of the row's number in the data set."""


def feature_engineering(environ: Mapping[str, str]) -> str:
    """Splits the verified data set and stores both parts; the same data, seed and share lie at the same address."""
    from workloads.iris.train import IRIS

    config, store = experiment.read_config(environ["GROUNDWORK_TRAINING"]), object_store()
    content = experiment.read_data(config, store, IRIS.seed_data)
    files = split_files(IRIS.split(content, seed=config.seed, test_size=config.parameters["test_size"]))
    digest = digest_of(b"\0".join(files[part] for part in PARTS)).removeprefix("sha256:")
    address = f"{environ['GROUNDWORK_FEATURES']}/{digest}"
    for part in PARTS:
        bucket, key = split_s3(f"{address}/{part}.csv")
        add_object(store, bucket, key, files[part], "text/csv")
        say(f"stored {len(files[part].splitlines()) - 1} rows at s3://{bucket}/{key}")
    return address


def train(environ: Mapping[str, str], model: str, address: str) -> dict[str, float]:
    """Trains one model on the split data and logs it to MLflow as a run of its own; returns its accuracy."""
    name = classifier(model)
    import mlflow

    from workloads.iris.train import IRIS

    config, store = experiment.read_config(environ["GROUNDWORK_TRAINING"]), object_store()
    parts = read_split({part: _read(store, f"{address}/{part}.csv") for part in PARTS})
    found = mlflow.set_experiment(config.workload)
    experiment.end_interrupted(mlflow.MlflowClient(), found.experiment_id, environ["GROUNDWORK_JOB"])
    _, metrics, _ = IRIS.train_one(name, config, parts, experiment.provenance(config, environ))
    return {f"performance_{model}": metrics["accuracy"]}


def select_best_model(*performances: str) -> str:
    """The winner's name, of MODEL=ACCURACY for each model."""
    pairs = [each.partition("=") for each in performances]
    try:
        accuracies = {classifier(model): float(accuracy) for model, _, accuracy in pairs}
    except ValueError as error:
        raise TrainingError(f"{' '.join(performances)}: expected MODEL=ACCURACY for each model: {error}") from error
    best = select_best(accuracies)
    winner = next(model for model, name in MODELS.items() if name == best)
    say(f"{winner} wins: {', '.join(performances)}")
    return winner


def take_new_data(environ: Mapping[str, str]) -> dict[str, int]:
    """Ingest the objects below incoming/; return what became of them."""
    from workloads.iris.train import seed_data

    config = experiment.read_config(environ["GROUNDWORK_TRAINING"])
    columns = read_columns(environ["GROUNDWORK_COLUMNS"])
    return asdict(incoming.ingest(config, columns, object_store(), seed_data))


def train_champion(environ: Mapping[str, str]) -> str:
    """Trains all models on what the data set is now, and registers the best one; the run's id. The same training is
    not done twice, whether a DAG or `groundwork train` did it."""
    import mlflow

    from workloads.iris.train import IRIS

    declared = environ["GROUNDWORK_TRAINING"]
    document = incoming.current(declared, object_store())
    workload = experiment.read_config(document).workload
    if document == declared:
        found, job = mlflow.set_experiment(workload), environ["GROUNDWORK_DECLARED_JOB"]
        if run_id := experiment.finished_run(mlflow.MlflowClient(), found.experiment_id, job):
            say(f"{job} was finished before as run {run_id}: nothing to do")
            return run_id
    content = digest_of(f"{environ['GROUNDWORK_IMAGE']}\n{document}".encode())
    # A name of its own: the Job of that of `groundwork train` may be running.
    job = f"{workload}-continuous-{content.removeprefix('sha256:')[:10]}"
    return IRIS.train({**environ, "GROUNDWORK_TRAINING": document, "GROUNDWORK_JOB": job})


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

    from workloads.classification import Split
    from workloads.iris.train import FEATURES, TARGET

    frames: list[Any] = [pd.read_csv(io.BytesIO(files[part]), index_col=ROW) for part in PARTS]
    train, held_out = frames
    return Split(train[FEATURES], held_out[FEATURES], train[TARGET], held_out[TARGET])


def _read(store: Any, address: str) -> bytes:
    bucket, key = split_s3(address)
    return store.get_object(Bucket=bucket, Key=key)["Body"].read()


def run(arguments: Sequence[str], environ: Mapping[str, str], result: Path) -> int:
    """Runs the task that the arguments name, and writes what it returns; the exit code. TrainingError: unknown, or it
    can't go on."""
    known: dict[str, Callable[..., Any]] = {
        "feature_engineering": partial(feature_engineering, environ),
        "train": partial(train, environ),
        "select_best_model": select_best_model,
        "take_new_data": partial(take_new_data, environ),
        "train_champion": partial(train_champion, environ),
    }
    task, *rest = arguments or [""]
    if task not in known:
        raise TrainingError(f"task {task!r} is unknown; known: {', '.join(known)}")
    found = known[task](*rest)
    result.write_text(json.dumps(found))
    return NOTHING_NEW if task == "take_new_data" and not found["accepted"] else 0


def main() -> int:
    try:
        return run(sys.argv[1:], os.environ, RESULT)
    except TrainingError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())

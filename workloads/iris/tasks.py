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
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from workloads import continuous, experiment
from workloads.artifacts import add_object, digest_of, object_store, split_s3
from workloads.experiment import TrainingError, say
from workloads.iris.selection import MODELS, classifier, select_best

if TYPE_CHECKING:
    from workloads.classification import Split

PARTS = ("train", "held_out")
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

    return continuous.take_new_data(environ, seed_data)


def train_champion(environ: Mapping[str, str]) -> str:
    """Train all models on what the data set is now, and register the best one; the run's id."""
    from workloads.iris.train import IRIS

    return continuous.train_champion(environ, IRIS)


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


def tasks(environ: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """By name."""
    return {
        "feature_engineering": partial(feature_engineering, environ),
        "train": partial(train, environ),
        "select_best_model": select_best_model,
        "take_new_data": partial(take_new_data, environ),
        "train_champion": partial(train_champion, environ),
    }


if __name__ == "__main__":
    sys.exit(continuous.main(tasks))

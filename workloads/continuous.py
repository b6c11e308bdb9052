"""What the DAGs of any workload have in common: taking new data, training on it, and how a task runs in its pod.

What a task returns is written to where Airflow's sidecar finds it. Runs inside the training image.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads import experiment, incoming
from workloads.artifacts import digest_of, object_store
from workloads.columns import read_columns
from workloads.experiment import TrainingError, say

if TYPE_CHECKING:
    from workloads.classification import Classification

RESULT = Path("/airflow/xcom/return.json")
NOTHING_NEW = 99
"""Exit code by which Airflow skips what follows."""


def take_new_data(environ: Mapping[str, str], seed_data: Callable[[], bytes]) -> dict[str, int]:
    """Ingest the objects below incoming/; return what became of them."""
    config = experiment.read_config(environ["GROUNDWORK_TRAINING"])
    columns = read_columns(environ["GROUNDWORK_COLUMNS"])
    return asdict(incoming.ingest(config, columns, object_store(), seed_data))


def train_champion(environ: Mapping[str, str], what: "Classification") -> str:
    """Train all models on what the data set is now, and register the best one; the run's id. The same training is
    not done twice, whether a DAG or `groundwork train` did it."""
    import mlflow

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
    return what.train({**environ, "GROUNDWORK_TRAINING": document, "GROUNDWORK_JOB": job})


def run(known: Mapping[str, Callable[..., Any]], arguments: Sequence[str], result: Path) -> int:
    """Run the task that the arguments name, and write what it returns; the exit code. TrainingError: unknown, or it
    can't go on."""
    task, *rest = arguments or [""]
    if task not in known:
        raise TrainingError(f"task {task!r} is unknown; known: {', '.join(known)}")
    found = known[task](*rest)
    result.write_text(json.dumps(found))
    return NOTHING_NEW if task == "take_new_data" and not found["accepted"] else 0


def main(tasks: Callable[[Mapping[str, str]], Mapping[str, Callable[..., Any]]]) -> int:
    """Run a task of these, by name, as the process; return its exit code."""
    try:
        return run(tasks(os.environ), sys.argv[1:], RESULT)
    except TrainingError as error:
        say(f"error: {error}")
        return 1

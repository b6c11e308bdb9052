"""`groundwork reproduce`: the same training again, from what the run recorded, and whether the metrics are the same."""

import json
from dataclasses import dataclass

from modules.core.errors import UserError
from modules.core.images import with_digest
from modules.core.naming import JOB_LIMIT, hashed
from modules.core.naming import namespace as namespace_of
from scripts.cli.clients.registry import held_image
from scripts.cli.clients.tracking import TRAINING, Mlflow, Run
from scripts.cli.delivery import jobs
from scripts.cli.delivery.trust import is_signed, require_run, trust_in
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from workloads import catalog
from workloads.documents import trainer, training_template
from workloads.signing import Trust

RECORDED = ("config", "image_digest", "code_revision", "lock_digest", "data_address", "data_digest", "seed")
"""Tags that a run needs to be trained again."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One final metric of one candidate; None where a run does not have it."""

    candidate: str
    metric: str
    recorded: float | None
    reproduced: float | None

    @property
    def same(self) -> bool:
        return self.recorded == self.reproduced


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A training and its repetition."""

    run: str
    reproduced_by: str
    image_digest: str
    data_digest: str
    data_version: str | None = None
    """Of a table of the lake; None: the data set is a file."""
    seed: str
    comparisons: list[Comparison]

    @property
    def same(self) -> bool:
        return bool(self.comparisons) and all(each.same for each in self.comparisons)


def reproduce(stack: str, run_id: str, progress: Progress) -> Reproduction:
    """Trains again what a run (of a training, or of one of its classifiers) trained. Registers nothing."""
    environment = Environment(stack)
    mlflow = Mlflow(environment)
    training = find_training(mlflow, run_id)
    workload = json.loads(training.tags["groundwork.config"])["workload"]
    require_candidate(mlflow, training, trust_in(environment, workload), workload)
    namespace = namespace_of(stack, trainer(workload))
    template = jobs.template(environment, namespace, training_template(workload))
    recorded = with_digest(jobs.container_of(template)["image"], training.tags["groundwork.image_digest"])
    image = held_image(environment, recorded)
    job = hashed(f"{workload}-reproduce", training.id, limit=JOB_LIMIT)
    variables = {
        "GROUNDWORK_TRAINING": training.tags["groundwork.config"],
        "GROUNDWORK_IMAGE": image,
        "GROUNDWORK_JOB": job,
        "GROUNDWORK_REVISION": training.tags["groundwork.code_revision"],
        "GROUNDWORK_UV_LOCK": training.tags["groundwork.lock_digest"],
        "GROUNDWORK_REPRODUCES": training.id,
    }
    ended = jobs.run(environment, jobs.job_from(template, job, image=image, variables=variables), progress)
    if ended.failure:
        raise UserError(ended.failure)
    repeated = mlflow.training_runs(workload, job=job, reproduces=training.id)[0]
    return Reproduction(
        run=training.id,
        reproduced_by=repeated.id,
        image_digest=training.tags["groundwork.image_digest"],
        data_digest=training.tags["groundwork.data_digest"],
        data_version=training.tags.get("groundwork.data_version"),
        seed=training.tags["groundwork.seed"],
        comparisons=compare(mlflow.candidates(training), mlflow.candidates(repeated)),
    )


def find_training(mlflow: Mlflow, run_id: str) -> Run:
    """The finished training that a run is, or belongs to. UserError where it can't be trained again."""
    run = mlflow.run(run_id)
    if run is None:
        raise UserError(f"no run {run_id!r} in MLflow at {mlflow.url}; {_recent(mlflow)}")
    training = mlflow.run(run.parent) if run.parent else run
    if training is None or training.tags.get("groundwork.role") != TRAINING:
        raise UserError(f"run {run_id} was not made by `groundwork train`: what it depends on is not recorded")
    if missing := [key for key in RECORDED if f"groundwork.{key}" not in training.tags]:
        raise UserError(f"run {training.id} does not record its {', '.join(missing)}: it can't be trained again")
    if training.status != "FINISHED":
        raise UserError(
            f"run {training.id} is {training.status}, not FINISHED: it has no final metrics to compare with"
        )
    return training


def require_candidate(mlflow: Mlflow, training: Run, trust: Trust, model: str) -> None:
    """Raise UserError unless a training signed what is to be trained again: it runs beside the key. The models of a
    training are what is signed, with the image, data and configuration that they share with it."""
    shared = ("groundwork.image_digest", "groundwork.data_digest", "groundwork.config")
    same = [
        run for run in mlflow.candidates(training) if all(run.tags.get(key) == training.tags[key] for key in shared)
    ]
    if not same:
        raise UserError(f"run {training.id} has no model of the image, data and configuration that it records")
    if not any(is_signed(trust, model, run) for run in same):
        require_run(trust, model, same[0])


def _recent(mlflow: Mlflow) -> str:
    recent = [run.id for name in catalog.known() for run in mlflow.training_runs(name)[:5]]
    return f"recent trainings: {', '.join(recent)}" if recent else "nothing was trained yet: run `groundwork train`"


def compare(recorded: list[Run], reproduced: list[Run]) -> list[Comparison]:
    """Every final metric that either side has, candidate by candidate; equal means equal to the last bit."""
    before, after = ({run.name: run.metrics for run in runs} for runs in (recorded, reproduced))
    return [
        Comparison(
            candidate=name,
            metric=metric,
            recorded=before.get(name, {}).get(metric),
            reproduced=after.get(name, {}).get(metric),
        )
        for name in sorted({*before, *after})
        for metric in sorted({*before.get(name, {}), *after.get(name, {})})
    ]

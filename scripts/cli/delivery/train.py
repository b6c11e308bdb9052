"""`groundwork train`: one training run of a workload, as a Job whose name says what it depends on."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.errors import UserError
from modules.core.naming import namespace as namespace_of
from modules.core.paths import REPOSITORY
from scripts.cli.clients.tracking import Mlflow, Run
from scripts.cli.delivery import jobs
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from workloads import catalog
from workloads.artifacts import digest_of
from workloads.documents import form_document, trainer, training_job, training_template
from workloads.settings import Workload

RECORDED_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One of a training's models."""

    name: str
    run: str
    metrics: Mapping[str, float]
    selected: bool


@dataclass(frozen=True, kw_only=True)
class Training:
    """A finished training."""

    job: str
    run: str
    fresh: bool
    """False where the same training had finished before, so that nothing was done."""
    model: str
    model_version: int
    verdict: str
    """How the version compares with the champion of that time, and which of the two is champion since."""
    format: str
    """In which it is stored for its server: onnx or skops."""
    candidates: list[Candidate]


def workload_in(environment: Environment, name: str) -> Workload:
    """A workload that the stack runs. UserError for a name that is unknown, or that the stack's settings leave out."""
    workload = catalog.load(name)
    known = sorted(environment.settings.workloads)
    if name not in known:
        raise UserError(
            f"groundwork:workloads.{name}: not in stacks/Pulumi.{environment.stack}.yaml, "
            f"which runs {', '.join(known) or 'no workload'}: add it, then run `scripts/up {environment.stack}`"
        )
    return workload


def train(stack: str, name: str, progress: Progress) -> Training:
    """Trains a workload, unless the same training has finished before."""
    environment = Environment(stack)
    workload = workload_in(environment, name)
    namespace = namespace_of(stack, trainer(name))
    template = jobs.template(environment, namespace, training_template(name))
    document = json.loads(jobs.variables_of(template)["GROUNDWORK_TRAINING"])
    refuse_stale(workload, document)
    image = jobs.container_of(template)["image"]
    job = training_job(name, jobs.image_digest(image), document)
    mlflow = Mlflow(environment)
    fresh = not mlflow.training_runs(name, job=job)
    if fresh:
        variables = {"GROUNDWORK_JOB": job, "GROUNDWORK_REVISION": revision(), "GROUNDWORK_UV_LOCK": lock_digest()}
        ended = jobs.run(environment, jobs.job_from(template, job, image=image, variables=variables), progress)
        if ended.failure:
            raise UserError(ended.failure)
    return _result(mlflow, workload, job, fresh)


def refuse_stale(workload: Workload, deployed: Mapping[str, Any]) -> None:
    """What is trained is what was declared: a changed workload.yaml takes effect with the next `scripts/up`."""
    data = {**deployed["data"], "digest": workload.data.digest, "version": workload.data.version}
    declared = {
        "model": workload.name,
        "data": {key: value for key, value in data.items() if value is not None},
        "parameters": workload.parameters.model_dump(),
        "serving": form_document(workload),
    }
    if changed := [key for key, value in declared.items() if deployed.get(key) != value]:
        raise UserError(
            f"workloads/{workload.name}/workload.yaml: {', '.join(changed)} changed since the last deployment: "
            "run `scripts/up` first, which declares the training anew"
        )


def _result(mlflow: Mlflow, workload: Workload, job: str, fresh: bool) -> Training:
    runs = _recorded(mlflow, workload.name, job)
    if not runs:
        found = ", ".join(
            f"{run.id} ({run.status})" for run in mlflow.training_runs(workload.name, status=None, job=job)
        )
        raise UserError(
            f"Job {job} is complete, but MLflow at {mlflow.url} has no finished run of it "
            f"(its runs there: {found or 'none'}): was it deleted? The pod's log names the run: run `groundwork train "
            f"{workload.name}` again, which trains anew"
        )
    run = runs[0]
    return Training(
        job=job,
        run=run.id,
        fresh=fresh,
        model=workload.name,
        model_version=int(run.tags["groundwork.model_version"]),
        verdict=run.tags.get("groundwork.champion_verdict", ""),
        format=workload.serving.format,
        candidates=candidates(mlflow, run),
    )


def _recorded(mlflow: Mlflow, experiment: str, job: str) -> list[Run]:
    """The Job's finished runs. Asked for until MLflow has one: it ends a run just before the Job's pod ends."""
    for _ in range(RECORDED_SECONDS):
        if runs := mlflow.training_runs(experiment, job=job):
            return runs
        time.sleep(1)
    return []


def candidates(mlflow: Mlflow, training: Run) -> list[Candidate]:
    selected = training.tags.get("groundwork.selected")
    return [
        Candidate(name=run.name, run=run.id, metrics=run.metrics, selected=run.name == selected)
        for run in mlflow.candidates(training)
    ]


def revision() -> str:
    """The commit of this checkout, marked where workloads/ differs from it; empty where there is no Git to ask."""
    commit = _git("rev-parse", "HEAD")
    return f"{commit}-changed" if commit and _git("status", "--porcelain", "--", "workloads", "uv.lock") else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def lock_digest() -> str:
    """Of uv.lock, from which the images' packages come."""
    return digest_of((REPOSITORY / "uv.lock").read_bytes())

"""The model pipeline in an environment: a candidate is trained, compared with what serves, released."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from modules.core.errors import UserError
from scripts.cli.clients import pins
from scripts.cli.clients.tracking import Mlflow, Run
from scripts.cli.commands.pipeline.step_output import read_step_output, write_step_output
from scripts.cli.delivery.rank import METRIC
from scripts.cli.delivery.release import release as release_version
from scripts.cli.delivery.train import train as train_in
from scripts.cli.delivery.train import workload_in
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import prepare
from scripts.cli.steps import Progress, Runner, Step, run_or_exit, up_to

PLATFORM = "platform"
"""The step of `up` that brings new training code into the environment, with all that it needs."""
HELD_OUT = ("groundwork.data_digest", "groundwork.seed", "test_size")
"""What two runs must share, for their figures to be of the same held-out rows."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A trained model version that may be released."""

    stack: str
    workload: str
    model: str
    model_version: int
    run: str
    """The classifier's."""


def train(stack: str, workload: str, path: Path) -> None:
    """Writes the candidate to `path`."""
    up = prepare(stack)
    workload_in(up.environment, workload)
    steps = up_to(up.steps(), PLATFORM)

    def begin(progress: Progress) -> None:
        training = train_in(stack, workload, progress)
        selected = next(each for each in training.candidates if each.selected)
        candidate = Candidate(
            stack=stack,
            workload=workload,
            model=training.model,
            model_version=training.model_version,
            run=selected.run,
        )
        write_step_output(path, json.dumps(asdict(candidate), indent=2) + "\n")
        progress(f"{candidate.model} version {candidate.model_version}")

    steps.append(Step(name="training", title="Training run", run=begin, needs=(PLATFORM,)))
    run_or_exit(Runner(steps, up.log), f"scripts/pipeline train {workload} {stack}")
    typer.echo(path.read_text())


def evaluate(stack: str, workload: str, path: Path) -> None:
    """UserError where the candidate is worse than what serves, or can't be compared with it."""
    candidate = read(path, stack, workload)
    environment = Environment(stack)
    mlflow = Mlflow(environment)
    served = pins.released(environment).get(workload)
    new = _run(mlflow, candidate.run)
    typer.echo(verdict(candidate, new, _run(mlflow, served.run) if served else None))


def verdict(candidate: Candidate, new: Run, served: Run | None) -> str:
    """Return why the candidate may be released. Raise UserError with both figures where it may not."""
    name = f"{candidate.model} version {candidate.model_version}"
    figure = _figure(new)
    if served is None:
        return f"{name}: {METRIC} {figure:.4f}; nothing serves yet"
    different = [f"{key} {ours} and {theirs}" for key, ours, theirs in _conditions(new, served) if ours != theirs]
    if different:
        raise UserError(
            f"{name} can't be compared with what serves: their held-out data differ ({'; '.join(different)}). "
            f"Look at both in MLflow, then `groundwork release {candidate.workload} --model-version "
            f"{candidate.model_version}` if it is to serve"
        )
    current = _figure(served)
    if figure < current:
        raise UserError(f"{name} is worse than what serves: {METRIC} {figure:.4f} against {current:.4f}")
    return f"{name}: {METRIC} {figure:.4f}, at least as good as what serves with {current:.4f}"


def release(stack: str, workload: str, path: Path) -> None:
    candidate = read(path, stack, workload)
    log = Environment(stack).home / "logs" / f"pipeline-release-{candidate.model_version}.log"

    def roll_out(progress: Progress) -> None:
        outcome = release_version(stack, workload, candidate.model_version, progress, log)
        progress(f"release {outcome.pin.release}{'' if outcome.changed else ' serves already'}")

    step = Step(name="release", title=f"Release {candidate.model} version {candidate.model_version}", run=roll_out)
    run_or_exit(Runner([step], log), f"scripts/pipeline release {workload} {stack}")


def read(path: Path, stack: str, workload: str) -> Candidate:
    """The candidate of that workload in that stack. UserError where another one was trained last, or none."""
    candidate = Candidate(**json.loads(read_step_output(path, f"train {workload} {stack}")))
    if (candidate.stack, candidate.workload) != (stack, workload):
        raise UserError(
            f"{path} is of workload {candidate.workload} in stack {candidate.stack}, not of {workload} in {stack}: "
            f"run `scripts/pipeline train {workload} {stack}` first"
        )
    return candidate


def _run(mlflow: Mlflow, run_id: str) -> Run:
    found = mlflow.run(run_id)
    if found is None:
        raise UserError(f"run {run_id} is not in MLflow at {mlflow.url}: was it deleted? Train again")
    return found


def _figure(run: Run) -> float:
    if METRIC not in run.metrics:
        raise UserError(f"run {run.id} recorded no {METRIC}: it can't be evaluated")
    return run.metrics[METRIC]


def _conditions(one: Run, other: Run) -> list[tuple[str, str, str]]:
    def of(run: Run) -> Mapping[str, str]:
        config = json.loads(run.tags.get("groundwork.config", "{}"))
        return {**run.tags, "test_size": str(config.get("parameters", {}).get("test_size", "unknown"))}

    return [(key, of(one).get(key, "unknown"), of(other).get(key, "unknown")) for key in HELD_OUT]

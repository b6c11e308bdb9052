"""`groundwork release WORKLOAD --rank N`: the n-th best of all trained models, by the metric of the selection."""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.errors import UserError
from scripts.cli.clients.tracking import Mlflow, Run, Version
from scripts.cli.delivery.train import workload_in
from scripts.cli.delivery.trust import is_signed, require_run, trust_in
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress

METRIC = "accuracy"
"""By which a training selects its model too."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A model that was trained, and can serve."""

    rank: int
    """1 is the best; of equal ones the newest."""
    run: Run
    figure: float
    version: int | None
    """In the model registry; None where it was not registered yet."""


def ranking(runs: Sequence[Run], versions: Sequence[Version]) -> list[Ranked]:
    """Return the runs in their order, without those whose model nobody logged. Pure."""
    numbers = {version.run: version.number for version in versions}
    whole = [run for run in runs if run.id in numbers or run.model_id]
    return [
        Ranked(rank=rank, run=run, figure=run.metrics[METRIC], version=numbers.get(run.id))
        for rank, run in enumerate(whole, start=1)
    ]


def find(environment: Environment, name: str) -> list[Ranked]:
    """Return all models of a workload that its training signed, the best first. Raise UserError where there is none."""
    workload_in(environment, name)
    mlflow, trust = Mlflow(environment), trust_in(environment, name)
    with mlflow.client:
        runs = [run for run in mlflow.measured(name, METRIC) if is_signed(trust, name, run)]
        versions = [each for each in mlflow.registered(name) if is_signed(trust, name, each)]
    found = ranking(runs, versions)
    if not found:
        raise UserError(
            f"workload {name}: MLflow at {mlflow.url} has no finished run that a training signed: "
            f"run `groundwork train {name}`"
        )
    return found


def version_of(environment: Environment, name: str, rank: int, progress: Progress) -> int:
    """Return the version of the model at a rank; register it where it was not. The UserError lists what there is."""
    progress("looking for the best models")
    found = find(environment, name)
    if rank > len(found):
        lines = "".join(f"\n  {line}" for line in map(describe, found[:20]))
        raise UserError(f"rank {rank}: {name} has {len(found)} models, so 1 to {len(found)} are allowed:{lines}")
    chosen = found[rank - 1]
    progress(describe(chosen))
    return chosen.version or register(environment, name, chosen.run, progress)


def describe(ranked: Ranked) -> str:
    """Return a line for people."""
    version = f"version {ranked.version}" if ranked.version else "not registered yet"
    return f"{ranked.rank}: {METRIC} {ranked.figure:.4f}, {ranked.run.name}, {version}, run {ranked.run.id}"


def register(environment: Environment, name: str, run: Run, progress: Progress) -> int:
    """Register a run's model as a training does: with the run's tags, which the training signed."""
    require_run(trust_in(environment, name), name, run)
    own = {key: value for key, value in run.tags.items() if key.startswith("groundwork.")}
    progress(f"registering run {run.id} as a version of {name}")
    mlflow = Mlflow(environment)
    with mlflow.client:
        return mlflow.register(name, run, own).number

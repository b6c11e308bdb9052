"""`groundwork release`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modules.core.errors import UserError
from scripts.cli import running
from scripts.cli.commands.outcome import outcome_json, outcome_table
from scripts.cli.options import Json, StackOption, Workload

if TYPE_CHECKING:
    from scripts.cli.delivery.release import Outcome
    from scripts.cli.steps import Progress

EXAMPLES = (
    "\b\nExamples:\n  groundwork release iris\n  groundwork release iris --model-version 2\n"
    "  groundwork release iris --rank 2"
)


def release(
    workload: Workload,
    *,
    model_version: Annotated[
        int | None,
        typer.Option(min=1, help="Version in the model registry; the one with the alias champion if not given."),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="The n-th best of all models that were trained; 1 is the best.")
    ] = None,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Serve a model version in today's serving image: checked in it, pinned with it, rolled out without a failed
    request."""
    if model_version is not None and rank is not None:
        raise UserError("--model-version and --rank are mutually exclusive: give one of them")
    running.require_workload(stack, workload)
    which = {"--model-version": model_version, "--rank": rank}
    chosen = [text for option, value in which.items() if value is not None for text in (option, str(value))]

    def work(progress: "Progress", log: Path) -> "Outcome":
        from scripts.cli.delivery.release import release as run

        version = model_version if rank is None else _version_at(rank, stack, workload, progress)
        return run(stack, workload, version, progress, log)

    result = running.follow(stack, f"Release {workload}", ["release", workload, *chosen], work)
    running.print_result(outcome_json(result), as_json, lambda: outcome_table(result))


def _version_at(rank: int, stack: str, workload: str, progress: "Progress") -> int:
    from scripts.cli.delivery.rank import version_of
    from scripts.cli.environment import Environment

    return version_of(Environment(stack), workload, rank, progress)

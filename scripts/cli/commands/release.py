"""`groundwork release`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modules.core.errors import UserError
from scripts.cli import running
from scripts.cli.commands.outcome import outcome_json, outcome_table
from scripts.cli.delivery.figures import LEAST_REQUESTS, SHARE, WINDOW
from scripts.cli.options import Json, StackOption, Workload

if TYPE_CHECKING:
    from scripts.cli.delivery.release import Outcome
    from scripts.cli.steps import Progress

EXAMPLES = (
    "\b\nExamples:\n  groundwork release iris\n  groundwork release iris --model-version 2\n"
    "  groundwork release iris --rank 2\n  groundwork release iris --watch"
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
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Try each new champion on a share of the requests; restore what served if worse."),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="With --watch: end when nothing is to be tried.")] = False,
    share: Annotated[
        int | None,
        typer.Option(min=1, max=99, help=f"With --watch: percent of the requests; {SHARE} if not given."),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=1, help=f"With --watch: seconds to observe for, at least; {WINDOW:.0f} if not given."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(min=1, help=f"With --watch: requests to observe, at least; {LEAST_REQUESTS} if not given."),
    ] = None,
    limit: Annotated[float | None, typer.Option(min=1, help="With --watch: end after so many seconds.")] = None,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Serve a model version: checked in the serving image, pinned, rolled out without a failed request.

    With --watch each new champion gets a share of the requests first. Exit code 1 with --once where it was not better.
    """
    if (model_version is not None) + (rank is not None) + watch > 1:
        raise UserError("--model-version, --rank and --watch are mutually exclusive: give one of them")
    trial = {"--once": once or None, "--share": share, "--window": window, "--requests": requests, "--limit": limit}
    if not watch:
        _refuse_without_watch(trial)
    running.require_workload(stack, workload)
    if watch:
        from scripts.cli.delivery.figures import Limits
        from scripts.cli.delivery.watch import Options
        from scripts.cli.delivery.watching import watch_workload

        limits = Limits(requests=requests or LEAST_REQUESTS)
        options = Options(share=share or SHARE, window=window or WINDOW, limits=limits, until=limit)
        watch_workload(stack, workload, options, once=once, as_json=as_json)
        return
    which = {"--model-version": model_version, "--rank": rank}
    chosen = [text for option, value in which.items() if value is not None for text in (option, str(value))]

    def work(progress: "Progress", log: Path) -> "Outcome":
        from scripts.cli.delivery.release import release as run

        version = model_version if rank is None else _version_at(rank, stack, workload, progress)
        return run(stack, workload, version, progress, log)

    result = running.follow(stack, f"Release {workload}", ["release", workload, *chosen], work)
    running.print_result(outcome_json(result), as_json, lambda: outcome_table(result))


def _refuse_without_watch(options: Mapping[str, object]) -> None:
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise UserError(f"{', '.join(given)}: allowed with --watch only: add --watch, or leave out what is named")


def _version_at(rank: int, stack: str, workload: str, progress: "Progress") -> int:
    from scripts.cli.delivery.rank import version_of
    from scripts.cli.environment import Environment

    return version_of(Environment(stack), workload, rank, progress)

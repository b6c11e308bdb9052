"""One piece of work with live progress, and what came of it as a table or as JSON."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scripts.cli.output import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from scripts.cli.steps import Progress

Result = TypeVar("Result")


def require_workload(stack: str, workload: str) -> None:
    """UserError, before anything is begun, for a workload that the stack does not run."""
    from scripts.cli.delivery.train import workload_in
    from scripts.cli.environment import Environment

    workload_in(Environment(stack), workload)


def follow(stack: str, title: str, command: list[str], work: "Callable[[Progress, Path], Result]") -> Result:
    """Does the work with live progress. On failure prints why, and ends the process."""
    from scripts.cli.environment import Environment
    from scripts.cli.steps import Runner, Step, run_or_exit

    log = Environment(stack).home / "logs" / f"{command[0]}-{time.strftime('%Y%m%d-%H%M%S')}.log"
    results: list[Result] = []
    step = Step(name=command[0], title=title, run=lambda progress: results.append(work(progress, log)))
    run_or_exit(Runner([step], log), " ".join(["groundwork", *command, "--stack", stack]))
    return results[0]


def print_result(document: Mapping[str, object], as_json: bool, table: "Callable[[], Table]") -> None:
    if as_json:
        print_json(document)
    else:
        console().print(table())

"""`scripts/bench`: how long commands take on a stack that is up, as ratios of one run on one machine.

The measure is a preview of an empty program: what the engine and the language host need for nothing at all.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from scripts.cli.environment import Environment

EMPTY = "preview of an empty program"
QUIET = ("--non-interactive", "--color", "never")


@dataclass(frozen=True)
class Command:
    """name: what the table calls it. undone_by: what removes again what it made; without a figure of its own."""

    name: str
    arguments: tuple[str, ...]
    folder: Path = REPOSITORY
    undone_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """Seconds of the clock, and of processor time of the command and all that it started and waited for."""

    seconds: float
    cpu: float


def commands(stack: str, empty: Path) -> list[Command]:
    """What is measured; none of them changes anything on a stack that is up. empty: folder of the empty program."""
    measured = [
        Command(EMPTY, ("pulumi", "preview", "-s", "empty", *QUIET), empty),
        Command("preview, nothing to change", ("pulumi", "preview", "-s", stack, "--expect-no-changes", *QUIET)),
        Command("scripts/up, nothing to change", ("scripts/up", stack)),
        Command("groundwork status", ("groundwork", "status", stack)),
        Command("groundwork --help", ("groundwork", "--help")),
    ]
    return [*measured, _bare_cluster()] if os.geteuid() == 0 else measured


def _bare_cluster() -> Command:
    name = f"bench-{os.getpid()}"  # which nobody's cluster has: it is deleted
    cluster = ("groundwork", "cluster")
    return Command("groundwork cluster start", (*cluster, "start", name), undone_by=(*cluster, "delete", name, "--yes"))


def measure(command: Command, environment: Mapping[str, str]) -> Run:
    """Runs a command once. Raises UserError with its output when it fails: what fails has no time."""
    before, started = _children_cpu(), time.perf_counter()
    _run(command.arguments, command.folder, environment)
    figures = Run(time.perf_counter() - started, _children_cpu() - before)
    if command.undone_by:
        _run(command.undone_by, command.folder, environment)
    return figures


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(f"`{' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")


def document(runs: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """By command: seconds of each run, medians of seconds and processor seconds, ratio to the empty program."""
    floor = _median(runs[EMPTY])
    return {
        name: {
            "seconds": [round(run.seconds, 2) for run in found],
            "median": round(_median(found), 2),
            "cpu": round(statistics.median(run.cpu for run in found), 2),
            "ratio": round(_median(found) / floor, 2),
        }
        for name, found in runs.items()
    }


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"{'':32}{'median s':>10}{'processor s':>13}{'beside empty':>14}"]
    lines += [
        f"{name:32}{figure['median']:10.2f}{figure['cpu']:13.2f}{figure['ratio']:14.2f}"
        for name, figure in figures.items()
    ]
    return "\n".join(lines)


def main(
    stack: Annotated[str, typer.Argument(help="Stack: an environment that is up.")] = "local",
    runs: Annotated[int, typer.Option(min=1, help="Runs, of which the medians are shown.")] = 5,
    to: Annotated[Path | None, typer.Option("--json", help="File that gets the figures as JSON.")] = None,
) -> None:
    """Measure commands on a stack that is up, and as root the start of a bare cluster too.

    Shows median seconds, processor seconds, and how many times as long as an empty program.

    Example: scripts/bench local --runs 3 --json figures.json
    """
    environment = Environment(stack).process_environment()
    found: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory(prefix="groundwork-bench-") as name:
        empty = _empty_program(Path(name), environment)
        for number in range(runs):
            print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
            for command in commands(stack, empty):
                variables = environment if command.name != EMPTY else _of_empty(environment, empty)
                found.setdefault(command.name, []).append(measure(command, variables))
    figures = document(found)
    print(table(figures))
    if to:
        to.write_text(json.dumps({"cores": len(os.sched_getaffinity(0)), "commands": figures}, indent=2) + "\n")


def _empty_program(folder: Path, environment: Mapping[str, str]) -> Path:
    python = f"{{virtualenv: {REPOSITORY / '.venv'}}}"
    (folder / "Pulumi.yaml").write_text(f"name: empty\nruntime: {{name: python, options: {python}}}\n")
    (folder / "__main__.py").write_text("import pulumi\n")
    (folder / "backend").mkdir()
    variables = _of_empty(environment, folder)
    measure(Command("init", ("pulumi", "stack", "init", "empty", *QUIET), folder), variables)
    return folder


def _of_empty(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {**environment, "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}"}


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None

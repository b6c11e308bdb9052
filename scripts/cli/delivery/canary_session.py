"""One session of `groundwork canary`: a line for whatever changes, a table (or JSON) for each result."""

import json
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.table import Table

from embedded.cluster.status import take_lock
from modules.core.errors import UserError
from modules.core.images import short_digest
from scripts.cli.delivery.canary import CanaryController, CanaryOptions, CanaryResult, Inconclusive
from scripts.cli.delivery.canary_metrics import VersionMetrics
from scripts.cli.delivery.release import place_of
from scripts.cli.delivery.train import workload_in
from scripts.cli.environment import Environment
from scripts.cli.output import console, plain_table

INTERRUPTED = 130
ROLLOUT_SECONDS = 1800.0
"""For one run of a pipeline; the next one goes on."""


def run_session(stack: str, name: str, options: CanaryOptions, *, once: bool, as_json: bool) -> None:
    """Try new champions until interrupted, or as `options` and `once` say. Raise UserError where another session runs.

    With `once` exit with 1 where what served was restored."""
    log = Environment(stack).home / "logs" / f"canary-{time.strftime('%Y%m%d-%H%M%S')}.log"
    output = console(stderr=True)
    last: list[str] = []

    def progress(text: str) -> None:
        if last != [text]:
            last[:] = [text]
            output.print(f"{time.strftime('%H:%M:%S')} {text}", highlight=False, markup=False)

    results: list[CanaryResult] = []

    def report(result: CanaryResult) -> None:
        results.append(result)
        if as_json:
            typer.echo(json.dumps(asdict(result)))
        else:
            console().print(table(result))

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # by which its supervisor ends it
    try:
        with _alone(stack, name):
            progress(f"watching {name} of stack {stack}; Ctrl-C ends it")
            CanaryController(place_of(stack, name, progress, log), options).run(report, once=once)
    except KeyboardInterrupt:
        progress("stopped; the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None
    if once and results and results[-1].result == "restored":
        raise typer.Exit(1)


@contextmanager
def _alone(stack: str, name: str) -> Generator[None]:
    """Hold the lock of a workload: two sessions would undo each other's work."""
    path = Environment(stack).home / f"watch-{name}.lock"
    if (handle := take_lock(path)) is None:
        raise UserError(
            f"workload {name} of stack {stack} is watched already: see `groundwork status`. "
            f"For a watch of your own, set groundwork:workloads.{name}.watch to false and run `scripts/up {stack}`"
        )
    try:
        yield
    finally:
        os.close(handle)


def rollout(stack: str, name: str) -> None:
    """Roll out a new champion from a pipeline, where no watch runs beside the cluster.

    Exit with 1 where what served was restored; what is not decided on goes on with the next run."""
    environment = Environment(stack)
    workload_in(environment, name)
    if environment.settings.workloads[name].watch:
        typer.echo(f"workload {name} of stack {stack} is watched beside the cluster: nothing to do")
        return
    try:
        run_session(stack, name, CanaryOptions(timeout=ROLLOUT_SECONDS), once=True, as_json=False)
    except Inconclusive as inconclusive:
        typer.echo(str(inconclusive))


def table(result: CanaryResult) -> Table:
    """Return both versions side by side, and what came of it."""
    shown = plain_table(f"{result.workload} version {result.version}: {result.result}", "what served", "what was tried")
    for row in ROWS:
        shown.add_row(row, *(cell(row, each) for each in (result.served, result.tried)))
    shown.add_row("serving image", "", short_digest(result.serving_image))
    if result.cause:
        shown.add_row("cause", "", result.cause)
    shown.add_row("seconds to the decision", "", f"{result.found_seconds:.1f}")
    shown.add_row("seconds to the canary's last request", "", f"{result.traffic_removed_seconds:.1f}")
    shown.add_row("serves now", f"version {result.serves}", "")
    return shown


ROWS: tuple[str, ...] = ("requests", "failed", "95% within", "accuracy")


def cell(row: str, metrics: VersionMetrics | None) -> str:
    """Return one cell; empty where nothing was seen."""
    if metrics is None:
        return ""
    seconds = "" if metrics.p95 is None else f"{metrics.p95:.3f} s"
    right = "no answer" if metrics.accuracy is None else f"{metrics.accuracy:.4f}"
    cells = (str(metrics.requests), f"{metrics.failures} ({metrics.failed_share:.1%})", seconds, right)
    return cells[ROWS.index(row)]

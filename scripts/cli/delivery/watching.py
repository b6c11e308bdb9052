"""How `groundwork canary` speaks: a line for whatever changes, a table (or JSON) for each verdict."""

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
from scripts.cli.delivery.figures import Figures
from scripts.cli.delivery.release import place_of
from scripts.cli.delivery.train import workload_in
from scripts.cli.delivery.watch import Options, Trial, Undecided, Watch, watch
from scripts.cli.environment import Environment
from scripts.cli.output import console, plain_table

INTERRUPTED = 130
ROLLOUT_SECONDS = 1800.0
"""For one run of a build server; the next one goes on."""


def watch_workload(stack: str, name: str, options: Options, *, once: bool, as_json: bool) -> None:
    """Runs until it is interrupted, or as `options` and `once` say. Exit code 1 with `once` where what served was
    restored. UserError where the workload is watched already."""
    log = Environment(stack).home / "logs" / f"canary-{time.strftime('%Y%m%d-%H%M%S')}.log"
    spoken = console(stderr=True)
    last: list[str] = []

    def progress(text: str) -> None:
        if last != [text]:
            last[:] = [text]
            spoken.print(f"{time.strftime('%H:%M:%S')} {text}", highlight=False, markup=False)

    trials: list[Trial] = []

    def told(trial: Trial) -> None:
        trials.append(trial)
        if as_json:
            typer.echo(json.dumps(asdict(trial)))
        else:
            console().print(table(trial))

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # by which its supervisor ends it
    try:
        with _alone(stack, name):
            progress(f"watching {name} of stack {stack}; Ctrl-C ends it")
            watch(Watch(place_of(stack, name, progress, log), options), told, once=once)
    except KeyboardInterrupt:
        progress("stopped; the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None
    if once and trials and trials[-1].result == "restored":
        raise typer.Exit(1)


@contextmanager
def _alone(stack: str, name: str) -> Generator[None]:
    """Two watches of one workload would undo each other's work."""
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
    """What a build server does about a new champion, where no watch runs beside the cluster. Exit code 1 where what
    served was restored; one that is not decided on goes on with the next run."""
    environment = Environment(stack)
    workload_in(environment, name)
    if environment.settings.workloads[name].watch:
        typer.echo(f"workload {name} of stack {stack} is watched beside the cluster: nothing to do")
        return
    try:
        watch_workload(stack, name, Options(until=ROLLOUT_SECONDS), once=True, as_json=False)
    except Undecided as undecided:
        typer.echo(str(undecided))


def table(trial: Trial) -> Table:
    """Both versions side by side, and what came of it."""
    shown = plain_table(f"{trial.workload} version {trial.version}: {trial.result}", "what served", "what was tried")
    for row in ROWS:
        shown.add_row(row, *(figure(row, each) for each in (trial.served, trial.tried)))
    if trial.cause:
        shown.add_row("cause", "", trial.cause)
    shown.add_row("seconds to the verdict", "", f"{trial.found_seconds:.1f}")
    shown.add_row("seconds to the canary's last request", "", f"{trial.turned_seconds:.1f}")
    shown.add_row("serves now", f"version {trial.serves}", "")
    return shown


ROWS: tuple[str, ...] = ("requests", "failed", "95% within", "accuracy")


def figure(row: str, figures: Figures | None) -> str:
    """One cell; empty where nothing was seen."""
    if figures is None:
        return ""
    seconds = "" if figures.p95 is None else f"{figures.p95:.3f} s"
    right = "no answer" if figures.accuracy is None else f"{figures.accuracy:.4f}"
    cells = (str(figures.requests), f"{figures.failures} ({figures.failed_share:.1%})", seconds, right)
    return cells[ROWS.index(row)]

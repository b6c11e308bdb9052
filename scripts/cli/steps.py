"""Runs the steps of a command: each after those it needs, independent ones side by side, with live progress."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from modules.core.errors import UserError

Progress = Callable[[str], None]
State = Literal["waiting", "running", "done", "failed", "skipped"]
QUIET_SECONDS = 30.0
MARKS: dict[State, str] = {"waiting": "·", "running": " ", "done": "✓", "failed": "✗", "skipped": "·"}


@dataclass(kw_only=True)
class Step:
    """One thing to do. `run` is given a callable that says what is being done right now."""

    name: str
    title: str
    run: Callable[[Progress], None]
    needs: Sequence[str] = ()
    state: State = "waiting"
    message: str = ""
    started: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        if self.state in {"waiting", "skipped"}:
            return 0.0
        return (self.ended or time.monotonic()) - self.started


def up_to(steps: Sequence[Step], name: str) -> list[Step]:
    """A step and all that it needs, in their order. ValueError where there is no such step."""
    known = _by_name(steps)
    wanted: set[str] = set()
    following = [name]
    while following:
        step = _find(known, following.pop())
        if step.name not in wanted:
            wanted.add(step.name)
            following += step.needs
    return [step for step in steps if step.name in wanted]


def check_order(steps: Sequence[Step]) -> None:
    """ValueError where a step could never start: it needs one that is not there, or itself in the end."""
    known = _by_name(steps)
    for step in steps:
        for need in step.needs:
            _find(known, need, f"step {step.name!r} needs")
    try:
        TopologicalSorter({step.name: step.needs for step in steps}).prepare()
    except CycleError as error:
        raise ValueError(f"steps need each other in a circle: {' <- '.join(error.args[1])}") from error


def _by_name(steps: Sequence[Step]) -> dict[str, Step]:
    known = {step.name: step for step in steps}
    if len(known) < len(steps):
        names = [step.name for step in steps]
        raise ValueError(f"two steps have one name, but each must have its own: {', '.join(names)}")
    return known


def _find(known: Mapping[str, Step], name: str, who: str = "asked for") -> Step:
    if name not in known:
        raise ValueError(f"{who} step {name!r}, which is none of these: {', '.join(known)}")
    return known[name]


@dataclass
class Runner:
    """Runs steps and shows them. The whole story goes to `log`; a terminal gets a live table, a pipe gets lines."""

    steps: Sequence[Step]
    log: Path
    console: Console = field(default_factory=lambda: Console(stderr=True))
    lock: threading.Lock = field(default_factory=threading.Lock)
    spoke: float = 0.0
    """When a line was last printed where there is no terminal."""

    def run(self) -> None:
        """Raises the first failure after the steps already running have ended; no further step starts. ValueError, and
        nothing is begun, where a step could never start.

        Ctrl-C reaches the programs that steps run as well: they get the time to stop well, but not after a second one.
        """
        check_order(self.steps)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch(mode=0o600)
        pool = ThreadPoolExecutor(len(self.steps), thread_name_prefix="step")
        running: dict[Future[None], Step] = {}
        failure: BaseException | None = None
        with self._display():
            while True:
                try:
                    for step in self._ready() if failure is None else []:
                        self._begin(step)
                        running[pool.submit(self._run_one, step)] = step
                    if not running:
                        break
                    for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                        running.pop(future)
                        failure = failure or future.exception()
                    self._heartbeat(running.values())
                except KeyboardInterrupt as interrupt:
                    if isinstance(failure, KeyboardInterrupt):
                        break
                    failure = interrupt
                    self._say_all(running.values(), "stopping (Ctrl-C again to leave at once)")
            for step in self.steps:
                if step.state == "waiting":
                    step.state = "skipped"
        pool.shutdown(wait=False)
        if failure is not None:
            raise failure

    @property
    def is_live(self) -> bool:
        """Whether the table can be redrawn in place: on a terminal that can move its cursor, or says that it can."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and bool(os.environ.get("TERM"))

    def seconds(self) -> dict[str, float]:
        """Duration by step name, in seconds."""
        return {step.name: round(step.seconds, 2) for step in self.steps}

    def _ready(self) -> list[Step]:
        done = {step.name for step in self.steps if step.state == "done"}
        return [step for step in self.steps if step.state == "waiting" and done.issuperset(step.needs)]

    def _begin(self, step: Step) -> None:
        step.state, step.started = "running", time.monotonic()
        self.write(f"== {step.title}")
        if not self.is_live:
            self._print(f"… {step.title}")

    def _run_one(self, step: Step) -> None:
        def progress(message: str) -> None:
            if message != step.message:
                step.message = message
                self.write(f"{step.name}: {message}")

        try:
            step.run(progress)
            step.state = "done"
        except BaseException as error:
            step.state = "failed"
            self.write(f"{step.name} failed: {error}")
            if not isinstance(error, UserError):
                self.write(traceback.format_exc())
            raise
        finally:
            step.ended = time.monotonic()
            if not self.is_live:
                self._print(f"{MARKS[step.state]} {step.title} ({step.seconds:.1f} s) {step.message}")

    def _say_all(self, steps: Iterable[Step], message: str) -> None:
        for step in steps:
            step.message = message

    def _heartbeat(self, steps: Iterable[Step]) -> None:
        """Where there is no terminal, a line now and then says that long work goes on."""
        now = time.monotonic()
        if self.is_live or now - self.spoke < QUIET_SECONDS:
            return
        self.spoke = now
        for step in steps:
            if step.seconds > QUIET_SECONDS:
                self._print(f"  {step.title}: {step.seconds:.0f} s, {step.message}")

    def _print(self, line: str) -> None:
        self.spoke = time.monotonic()
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def write(self, line: str) -> None:
        """Adds a line to the log file."""
        with self.lock, self.log.open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def _display(self) -> AbstractContextManager[object]:
        if not self.is_live:
            return nullcontext()
        return Live(console=self.console, get_renderable=self._table, refresh_per_second=8)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True, style="dim")
        styles = {"done": "green", "failed": "red", "running": "bold", "waiting": "dim", "skipped": "dim"}
        for step in self.steps:
            running = step.state == "running"
            mark = Spinner("dots") if running else Text(MARKS[step.state], style=styles[step.state])
            elapsed = f"{step.seconds:.1f} s" if step.seconds else ""
            table.add_row(mark, Text(step.title, style=styles[step.state]), elapsed, step.message)
        return table


def run_or_exit(runner: Runner, resume: str) -> None:
    """Runs the steps; on failure says what failed, where the log is and how to go on, and exits (130 on Ctrl-C)."""
    try:
        runner.run()
    except KeyboardInterrupt:
        _say(runner, f"Interrupted. Nothing is lost: `{resume}` goes on where it stopped.")
        exit_now(130)
    except UserError as error:
        _say(runner, f"{error}\nThe full log: {runner.log}")
        exit_now(1)
    except Exception as error:
        _say(
            runner, f"{type(error).__name__}: {error}\nThe full log: {runner.log}\nThen: `{resume}` goes on from there."
        )
        exit_now(1)


def _say(runner: Runner, text: str) -> None:
    runner.console.print(text, style="red", highlight=False, markup=False, soft_wrap=True)


def exit_now(code: int) -> None:
    """Ends the process at once: the threads of steps that were interrupted hold nothing that must be closed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

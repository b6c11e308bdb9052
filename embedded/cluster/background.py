"""Background processes on this machine that live as long as a cluster: its daemon starts them once the cluster is
ready, starts again what ends, and ends all of them before it stops.

Each is a file in one folder, NAME.json, that holds its command. Whoever wants another set changes the files.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Command = tuple[str, ...]

CHECK_SECONDS = 0.5
BACK_OFF = (1.0, 5.0, 20.0, 60.0)
"""Seconds before one that ended is started again, the longer the more often it did."""
STEADY_SECONDS = 300.0
"""One that lived this long starts with a clean sheet."""
END_SECONDS = 20.0
"""What one gets to end by itself."""


def declare(folder: Path, commands: Mapping[str, Sequence[str]]) -> None:
    """Declare which commands run, by name, and that no others do. Each file is put in place whole."""
    folder.mkdir(exist_ok=True, mode=0o700)
    for file in folder.glob("*.json"):
        if file.stem not in commands:
            file.unlink()
    for name, command in commands.items():
        unfinished = folder / f"{name}.new"
        unfinished.write_text(json.dumps(list(command)))
        unfinished.replace(folder / f"{name}.json")


def declared(folder: Path) -> dict[str, Command]:
    """Return the declared commands by name."""
    found: dict[str, Command] = {}
    for file in sorted(folder.glob("*.json")):
        with suppress(FileNotFoundError):  # it went in between
            found[file.stem] = tuple(json.loads(file.read_text()))
    return found


class BackgroundProcesses:
    """Supervises what is declared. `states`: by name, for people; `changed` is called when one changes."""

    def __init__(self, folder: Path, logs: Path, changed: Callable[[], None]) -> None:
        self.states: dict[str, str] = {}
        self._folder = folder
        self._logs = logs
        self._changed = changed
        self._supervised: dict[str, tuple[Command, asyncio.Task[None]]] = {}

    async def follow(self) -> None:
        """Supervise what is declared until cancelled."""
        while True:
            wanted = declared(self._folder)
            await self._end([name for name, (command, _) in self._supervised.items() if wanted.get(name) != command])
            for name, command in wanted.items():
                if name not in self._supervised:
                    self._supervised[name] = (command, asyncio.create_task(self._supervise(name, command)))
            await asyncio.sleep(CHECK_SECONDS)

    async def close(self) -> None:
        """End all processes."""
        await self._end(list(self._supervised))

    async def _end(self, names: Sequence[str]) -> None:
        tasks = [self._supervised[name][1] for name in names]
        for task in tasks:
            if not task.cancelling():  # a second time would interrupt its end
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name in names:
            self._supervised.pop(name, None)
            self.states.pop(name, None)
        if names:
            self._changed()

    async def _supervise(self, name: str, command: Command) -> None:
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            started = loop.time()
            self._say(name, "running")
            code = await self._run(name, command)
            failures = 1 if loop.time() - started > STEADY_SECONDS else failures + 1
            pause = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
            self._say(name, f"ended with {code}, starts again in {pause:g} s: see {self._log(name)}")
            await asyncio.sleep(pause)

    async def _run(self, name: str, command: Command) -> int:
        """Run a command and return its exit code. Cancelled, ask it to end with all that it started, then kill it."""
        with self._log(name).open("ab") as output:
            # It ends with the daemon, however that ends.
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end_group(process)
            raise

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _say(self, name: str, state: str) -> None:
        self.states[name] = state
        self._changed()


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End a process and its group."""
    _signal(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), END_SECONDS)
    _signal(process.pid, signal.SIGKILL)  # what outlived its parent, too
    await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return

"""What the workloads of a stack serve, written by one process at a time, and never over what another has just written.

Every workload may have a watch of its own, beside the commands that people run.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Release, parse_releases, read_releases, write_releases
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from scripts.cli.output import note


class Superseded(UserError):
    """Another process changed what is released of a workload, after this one looked at it."""


def lock_of(stack: str) -> Path:
    """Return the file that is locked: one of its own, since each write replaces the file of the pins."""
    pins = releases.release_file(stack)
    return pins.with_name(f".{pins.name}.lock")


@contextmanager
def alone(stack: str) -> Generator[None]:
    """Hold the lock of the stack's pins. The kernel gives it up with the process, however that ends."""
    with lock_of(stack).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace(stack: str, workload: str, previous: Release | None, after: Release | None) -> None:
    """Write to stacks/releases.<stack>.yaml what the workload serves; None: nothing.

    Raise Superseded, and write nothing, where it is no longer `previous` that is pinned."""
    with alone(stack):
        pinned = read_releases(stack)
        if pinned.get(workload) != previous:
            raise Superseded(
                f"workload {workload}: {releases.release_file(stack).name} was changed by another command meanwhile: "
                "look at `groundwork status`, then run the same command again"
            )
        others = {name: release for name, release in pinned.items() if name != workload}
        write_releases(stack, {**others, workload: after} if after else others)


def released(environment: Environment) -> dict[str, Release]:
    """Return what each workload serves: the pins of this checkout, or, where it has none, what the environment runs."""
    take_over(environment)
    return read_releases(environment.stack)


def take_over(environment: Environment) -> None:
    """Write the pins of what the environment runs, where this checkout has no file of them.

    It may be a second checkout, or one that was cleaned. Without pins the program would remove what serves.
    """
    stack = environment.stack
    if releases.release_file(stack).exists() or not (document := Backend(environment).outputs().get("releases")):
        return
    with alone(stack):
        if releases.release_file(stack).exists():  # another process was quicker
            return
        running = parse_releases({"releases": document}, source=f"output `releases` of stack {stack}")
        write_releases(stack, running)
    versions = ", ".join(f"{name} version {each.model_version}" for name, each in sorted(running.items()))
    note(f"{releases.release_file(stack).name} was missing here: it pins what stack {stack} serves now ({versions})")

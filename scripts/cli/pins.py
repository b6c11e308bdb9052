"""Writes what the workloads of a stack serve: one process at a time, and never over what another one has just written.

Every workload may have a watch of its own, beside the commands that people run.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from modules.core import releases
from modules.core.errors import UserError
from modules.core.releases import Release, read_releases, write_releases


class Overtaken(UserError):
    """Another process changed what is released of a workload, after this one looked at it."""


def lock_of(stack: str) -> Path:
    """A file of its own: the file of the pins is replaced by each write."""
    pins = releases.release_file(stack)
    return pins.with_name(f".{pins.name}.lock")


@contextmanager
def alone(stack: str) -> Generator[None]:
    """Nobody else writes the stack's pins meanwhile. The kernel gives the lock up with the process, however it ends."""
    with lock_of(stack).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace(stack: str, workload: str, former: Release | None, after: Release | None) -> None:
    """Says in stacks/releases.<stack>.yaml what the workload serves; None: nothing.

    Raises Overtaken, and writes nothing, where it is no longer `former` that is pinned."""
    with alone(stack):
        pinned = read_releases(stack)
        if pinned.get(workload) != former:
            raise Overtaken(
                f"workload {workload}: {releases.release_file(stack).name} was changed by another command meanwhile: "
                "look at `groundwork status`, then run the same command again"
            )
        others = {name: release for name, release in pinned.items() if name != workload}
        write_releases(stack, {**others, workload: after} if after else others)

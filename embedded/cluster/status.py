"""The state of a cluster that its daemon reports, through one file."""

import fcntl
import json
import os
import struct
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from .layout import Layout

START_SECONDS = 300
"""Of a start in which nothing new happens, before it is given up: many times what a part takes on two free cores."""

POLL_SECONDS = 0.05

State = Literal["stopped", "starting", "ready", "stopping", "failed"]


@dataclass(kw_only=True)
class Status:
    """State of a cluster. `message` says what it is waiting for, or why it failed."""

    state: State = "stopped"
    message: str = ""
    fingerprint: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    """State of each part: starting, ready, ended, failed."""
    background: dict[str, str] = field(default_factory=dict)
    """State of each background process: running, or how it ended."""
    published: dict[str, str] = field(default_factory=dict)
    """What can be reached at each port of 127.0.0.1, or why it can't."""
    complaints: list[str] = field(default_factory=list)
    """About Services whose annotation asks for what can't be."""


class Patience:
    """With a start: over when nothing that was not seen before has happened for so many seconds.

    A part that ends and starts again and again brings nothing new.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._seen: set[tuple[str, str]] = set()
        self._since = clock()

    def is_over(self, status: Status) -> bool:
        now = {*status.parts.items(), ("message", status.message)}
        if not now <= self._seen:
            self._seen |= now
            self._since = self._clock()
        return self._clock() - self._since > self._seconds


def read(layout: Layout) -> Status:
    """The daemon's last word; `stopped` where no daemon is alive."""
    if daemon_pid(layout) is None:
        return Status()
    try:
        return Status(**json.loads(layout.status.read_text()))
    except (OSError, ValueError, TypeError):  # none yet, or of another version
        return Status(state="starting")


def write(layout: Layout, status: Status) -> None:
    unfinished = layout.status.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(status), indent=1))
    unfinished.replace(layout.status)


LOCK_FORMAT = "hhqqi4x"
"""struct flock of 64-bit Linux: type, whence, start, length, process."""


def take_lock(path: Path) -> int | None:
    """Locks a file for as long as this process lives; None where another one has it.

    A record lock: the kernel knows its owner, and gives it up at its end, however that comes.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    if not path.exists() or os.fstat(handle).st_ino != path.stat().st_ino:  # its last holder removed it
        os.close(handle)
        return None
    return handle


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """One command at a time changes what a folder has, there or not; the next one waits."""
    path = folder.parent / f".{folder.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while (handle := take_lock(path)) is None:
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def daemon_pid(layout: Layout) -> int | None:
    """The process that holds the daemon's lock."""
    return holder(layout.lock)


def holder(lock: Path) -> int | None:
    """The process that holds a lock; None where none does."""
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        asked = struct.pack(LOCK_FORMAT, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(LOCK_FORMAT, fcntl.fcntl(handle, fcntl.F_GETLK, asked))
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else pid

"""What the kernel reports about processes, read from /proc."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process of a cluster, as this machine numbers it."""

    name: str
    pid: int
    rss: int
    """Resident memory in bytes; pages that it shares with others count for each of them."""
    pod: str | None
    """UID of its pod; None for a part of the cluster itself."""


def command_of(pid: int) -> list[str]:
    """A process' program and arguments; empty for one that has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended; one that only waits to be reaped has."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def heeds(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal. The first one of a container ignores all others."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return False
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(caught >> (number - 1) & 1)


def parent_of(pid: int) -> int | None:
    """The parent's number; None for a process that is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def namespace_of(pid: int, kind: str) -> str | None:
    """What distinguishes a namespace from every other, such as `pid:[4026531836]`; None for a process that is gone."""
    try:
        return os.readlink(PROC / str(pid) / "ns" / kind)
    except OSError:
        return None


def descendants(first: int) -> list[int]:
    """A process and all that it started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [first]
    for pid in found:
        found += children.get(pid, [])
    return found


def processes_of(first: int) -> list[Process]:
    """The processes of a cluster whose daemon is `first`."""
    return [process for pid in descendants(first) if (process := _process(pid)) is not None]


def _process(pid: int) -> Process | None:
    command = command_of(pid)
    try:
        rss = int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
        groups = (PROC / str(pid) / "cgroup").read_text()
    except OSError:
        return None
    if not command:
        return None
    pod = next((part[3:] for part in groups.replace("\n", "/").split("/") if part.startswith("pod")), None)
    return Process(name=name_of(command), pid=pid, rss=rss, pod=pod)


def name_of(command: list[str]) -> str:
    """The program, or for Python the module that it runs."""
    if "python" in Path(command[0]).name and "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    return Path(command[0]).name

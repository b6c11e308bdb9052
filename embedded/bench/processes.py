"""What processes cost: processor time and memory by part, read from /proc while a command runs."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PERIOD = 0.2
"""Seconds between looks, which cost time themselves; what a process used after the last one is missed."""
TICKS = os.sysconf("SC_CLK_TCK")
PARTS = (
    # Found in a process' command line -> its part's name; the first that fits.
    ("embedded.providers.kubernetes", "provider kubernetes"),
    ("embedded.providers.random", "provider random"),
    ("embedded.providers.tls", "provider tls"),
    ("language/program.py", "program"),
    ("embedded.providers.language", "language host"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-controller-manager", "kube-controller-manager"),
    ("kube-scheduler", "kube-scheduler"),
    ("etcd", "etcd"),
    ("kwok", "kwok"),
    ("kubectl", "kubectl"),
    ("pulumi", "engine"),
)


@dataclass
class Cost:
    """Of one part: seconds of processor time, and MiB of memory at most."""

    cpu: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True)
class Run:
    """A finished command: seconds of the clock, and what each part cost meanwhile."""

    seconds: float
    costs: dict[str, Cost] = field(default_factory=dict[str, Cost])


class Sampler:
    """Follows a command's processes, and others that serve it, by process id."""

    def __init__(self, others: Sequence[int]) -> None:
        self._others = others
        self._start = {pid: _cpu(pid) for pid in others}
        self._seen: dict[int, tuple[str, Cost]] = {}
        self._ended = threading.Event()

    def follow(self, root: int) -> None:
        while not self._ended.wait(PERIOD):
            for pid in [*_descendants(root), *self._others]:
                self._look(pid)

    def stop(self) -> None:
        self._ended.set()

    def costs(self) -> dict[str, Cost]:
        found: dict[str, Cost] = {}
        for name, cost in self._seen.values():
            total = found.setdefault(name, Cost())
            total.cpu += cost.cpu
            total.memory += cost.memory
        return found

    def _look(self, pid: int) -> None:
        try:
            cpu, memory = _cpu(pid) - self._start.get(pid, 0.0), _peak_memory(pid)
            known = self._seen.get(pid)
            name = known[0] if known and known[0] != "other" else _part(pid)
        except (OSError, IndexError, ValueError):
            return  # it has just ended
        # A process that has ended keeps its processor time until its parent has seen it, but not its memory.
        self._seen[pid] = (name, Cost(cpu, max(memory, known[1].memory if known else 0.0)))


def measure(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], others: Sequence[int] = ()) -> Run:
    """Runs a command. Raises RuntimeError with its output when it fails."""
    sampler = Sampler(others)
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        thread = threading.Thread(target=sampler.follow, args=(process.pid,))
        thread.start()
        try:
            output, _ = process.communicate()
        except BaseException:  # whoever is interrupted leaves nothing running
            process.terminate()
            raise
        finally:
            seconds = time.perf_counter() - started
            sampler.stop()
            thread.join()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}:\n{output.decode()[-4000:]}")
    return Run(seconds, sampler.costs())


def _descendants(root: int) -> list[int]:
    found = [root]
    for pid in found:
        with suppress(OSError):  # it, or one of its threads, has just ended
            for thread in os.listdir(f"/proc/{pid}/task"):
                found += [int(child) for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
    return found


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _peak_memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _part(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return next((name for text, name in PARTS if text in words), "other")

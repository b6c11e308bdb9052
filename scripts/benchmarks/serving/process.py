"""A server as a process on one core: started, asked until it answers, weighed, ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from modules.core.errors import UserError
from scripts.benchmarks.serving.question import Question

START_SECONDS = 300.0
"""A server that imports much takes so long on a machine that others use."""
STOP_SECONDS = 20.0
LOG_LINES = 20
MIB = 2**20
PARENT = 1
"""Place in proc(5)'s stat, counted from after the name."""


@dataclass(frozen=True)
class Running:
    """start: seconds from the process's start to its first answer."""

    process: "subprocess.Popen[bytes]"
    log: Path
    start: float = 0.0

    def wait(self, question: Question) -> None:
        """Ask until there is an answer. Raise UserError with the server's last lines where it ends before, or takes too
        long."""
        deadline = time.monotonic() + START_SECONDS
        while problem := answers(question):
            if self.process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])
                raise UserError(f"{question.url} gives no answer: {problem}\nThe server's last lines:\n{last}")
            time.sleep(0.02)

    def memory(self) -> float:
        """MiB that the process and all that it started hold, memory that several share counted once (PSS)."""
        return sum(_proportional_set(process) for process in tree(self.process.pid)) / MIB

    def cpu(self) -> float:
        """Seconds of processor time that they have used."""
        return sum(_nanoseconds(process) for process in tree(self.process.pid)) / 10**9


@contextmanager
def started(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], core: int, question: Question
) -> Generator[Running]:
    """Run a server on one core until the block ends; yields once it has answered the question."""
    log = folder / "server.log"
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            running = Running(process, log)
            running.wait(question)
            yield replace(running, start=time.perf_counter() - begun)
        finally:
            _end(process)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def tree(process: int) -> list[int]:
    """Return a process and those that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if known := _stat(int(folder.name)):
            children.setdefault(int(known[PARENT]), []).append(int(folder.name))
    found = [process]
    for each in found:  # grows while it is read
        found += children.get(each, [])
    return found


def answers(question: Question) -> str | None:
    """Ask once; return why that is no answer, None where it is."""
    if question.grpc:
        return _answers_grpc(question)
    headers = dict(question.headers)
    try:
        response = httpx.post(question.url, content=question.body, headers=headers, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if response.status_code == 200 else f"HTTP {response.status_code}: {response.text[:500]}"


def _answers_grpc(question: Question) -> str | None:
    import grpc

    authority, _, method = question.url.removeprefix("http://").partition("/")
    with grpc.insecure_channel(authority) as channel:
        try:
            channel.unary_unary(f"/{method}")(question.message, timeout=10)
        except grpc.RpcError as error:
            return str(error)
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process group that begins with it: the server, and whatever it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/PROCESS/stat after its name; nothing of a process that has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _nanoseconds(process: int) -> int:
    """Return the processor time of a process's threads; the ticks in its stat are as long as many answers."""
    used = 0
    for file in Path(f"/proc/{process}/task").glob("*/schedstat"):
        try:
            used += int(file.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return used


def _proportional_set(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

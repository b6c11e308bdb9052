"""The client: h2load of nghttp2, compiled, the same for all servers; HTTP/1.1, and gRPC as HTTP/2 with a fixed body.

It writes a line a request: start in microseconds since the epoch, status, microseconds until the answer's end.
"""

import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import UserError
from scripts.benchmarks.serving.question import Question

PROGRAM = "h2load"
PACKAGE = "nghttp2-client"
"""Of Debian, which has the program."""
GRACE_SECONDS = 60.0
"""Beyond its duration: a server that takes seconds for an answer has its last ones counted."""


@dataclass(frozen=True)
class Load:
    """clients: connections with one request at a time. rate: requests per second of all of them; None: as many as are
    answered. seconds: of the measurement; warm_up: before it."""

    clients: int
    seconds: float
    warm_up: float
    rate: float | None = None


@dataclass(frozen=True)
class Figures:
    """Answered requests per second, milliseconds until the answer, and answers that were refused or never came."""

    rate: float
    p50: float
    p99: float
    failed: int


def command(question: Question, load: Load, body: Path, log: Path, cores: Sequence[int]) -> list[str]:
    """Return the command of one measurement. body: file with the question's body."""
    duration = (f"-D{_decimal(load.seconds)}", f"--warm-up-time={_milliseconds(load.warm_up)}")
    pace = () if load.rate is None else (f"--rps={_decimal(load.rate / load.clients)}",)
    headers = tuple(f"-H{name}: {value}" for name, value in question.headers.items())
    protocol = () if question.grpc else ("--h1",)
    pinned = ("taskset", "-c", ",".join(map(str, cores)))
    return [
        *(*pinned, PROGRAM, *protocol, "-t1", f"-c{load.clients}", "-m1", *duration, *pace),
        *(*headers, f"-d{body}", f"--log-file={log}", question.url),
    ]


def measure(
    question: Question, load: Load, folder: Path, cores: Sequence[int], environment: Mapping[str, str]
) -> Figures:
    """Ask for as long as the load says. Raise UserError where the client itself fails."""
    body, log = folder / "body", folder / "log"
    body.write_bytes(question.body)
    log.unlink(missing_ok=True)
    given = command(question, load, body, log, cores)
    limit = load.warm_up + load.seconds + GRACE_SECONDS
    done = subprocess.run(given, capture_output=True, text=True, check=False, timeout=limit, env=environment)
    if done.returncode != 0 or not log.exists():
        raise UserError(f"`{' '.join(given)}` failed:\n{done.stdout}{done.stderr}")
    found = figures(log.read_text(), load.seconds)
    if found is None:
        raise UserError(f"{question.url} gave no answer to {load.clients} clients in {load.seconds} s:\n{done.stdout}")
    return found


def figures(log: str, seconds: float) -> Figures | None:
    """Read the client's log; None where nothing was answered. seconds: of the measurement."""
    rows = [line.split("\t") for line in log.splitlines()]
    answered = sorted(int(row[2]) / 1000 for row in rows if row[1] == "200")
    failed = len(rows) - len(answered)
    if not answered:
        return None
    return Figures(len(answered) / seconds, percentile(answered, 50), percentile(answered, 99), failed)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ordered numbers that at least so many percent do not exceed (nearest rank)."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _decimal(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"

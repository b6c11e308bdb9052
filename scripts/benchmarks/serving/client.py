"""The client: h2load of nghttp2, compiled, the same for all servers; HTTP/1.1, and gRPC as HTTP/2 with a fixed body.

It writes a line a request: start in microseconds since the epoch, status, microseconds until the answer's end.
"""

import math
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modules.core.errors import UserError
from scripts.benchmarks.serving.question import Question

PROGRAM = "h2load"
PACKAGE = "nghttp2-client"
"""Of Debian, which has the program."""
GRACE_SECONDS = 60.0
"""Beyond its duration: a server that takes seconds for an answer has its last ones counted."""


FAILED = re.compile(r"^requests: .* (\d+) failed,", re.MULTILINE)
"""In what it prints: refused, or never answered."""


@dataclass(frozen=True)
class Load:
    """clients: connections with one request at a time. rate: requests per second of all of them; None: as many as are
    answered. seconds: of the measurement; warm_up: of the same load before it."""

    clients: int
    seconds: float
    warm_up: float
    rate: float | None = None


@dataclass(frozen=True)
class Measurement:
    """Answered requests per second, milliseconds until the answer, milliseconds of processor time that the server used
    for each, and how many requests failed."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int


def command(question: Question, load: Load, body: Path, log: Path, cores: Sequence[int]) -> list[str]:
    """Return the command of one measurement, without its warm-up. body: file with the question's body."""
    pace = () if load.rate is None else (f"--rps={_decimal(load.rate / load.clients)}",)
    headers = tuple(f"-H{name}: {value}" for name, value in question.headers.items())
    protocol = () if question.grpc else ("--h1",)
    pinned = ("taskset", "-c", ",".join(map(str, cores)))
    return [
        *(*pinned, PROGRAM, *protocol, "-t1", f"-c{load.clients}", "-m1", f"-D{round(load.seconds * 1000)}ms", *pace),
        *(*headers, f"-d{body}", f"--log-file={log}", question.url),
    ]


def measure(
    question: Question, load: Load, folder: Path, cores: Sequence[int], cpu: Callable[[], float] = lambda: 0.0
) -> Measurement:
    """Ask for as long as the load says. cpu: the seconds of processor time that the server has used until now.

    Raise UserError where the client itself fails, and where nothing is answered."""
    _run(question, replace(load, seconds=load.warm_up), folder, cores)
    before = cpu()
    log, printed = _run(question, load, folder, cores)
    used = cpu() - before
    found = figures(log, printed, seconds=load.seconds, cpu=used)
    if found is None:
        raise UserError(f"{question.url} gave no answer to {load.clients} clients in {load.seconds} s:\n{printed}")
    return found


def _run(question: Question, load: Load, folder: Path, cores: Sequence[int]) -> tuple[str, str]:
    """Return the client's log, and what it printed."""
    body, log = folder / "body", folder / "log"
    body.write_bytes(question.body)
    log.unlink(missing_ok=True)
    arguments, limit = command(question, load, body, log, cores), load.seconds + GRACE_SECONDS
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=limit)
    if done.returncode != 0 or not log.exists():
        raise UserError(f"`{' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
    return log.read_text(), done.stdout


def figures(log: str, printed: str, *, seconds: float, cpu: float) -> Measurement | None:
    """Read the client's log and what it printed; None where nothing was answered.

    seconds: of the measurement; cpu: that the server used in it."""
    rows = [line.split("\t") for line in log.splitlines()]
    times = sorted(int(row[2]) / 1000 for row in rows if row[1] == "200")
    failed = FAILED.search(printed)
    if not times or failed is None:
        return None
    return Measurement(
        rate=len(times) / seconds,
        p50=percentile(times, 50),
        p99=percentile(times, 99),
        cpu=cpu * 1000 / len(times),
        failed=int(failed[1]),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ordered numbers that at least so many percent do not exceed (nearest rank)."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _decimal(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")

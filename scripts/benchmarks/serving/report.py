"""What was measured, as data and as tables; each figure beside ours."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.benchmarks.serving.client import Measurement

Case = tuple[int, int]
"""(rows of a request, clients)"""
WIDTH = 42
"""Of a server's title."""
DIRECT, GATEWAY = "direct", "through the gateway"


@dataclass
class Subject:
    """One server by one protocol. cases: a Measurement each round; paced: at half of its greatest load with one row."""

    title: str
    versions: Mapping[str, str]
    start: float
    """Seconds from the process's start to its first answer."""
    memory: float = 0.0
    """MiB of its processes after all loads."""
    cases: dict[Case, list[Measurement]] = field(default_factory=dict[Case, list[Measurement]])
    paced: list[Measurement] = field(default_factory=list[Measurement])

    def median(self, case: Case) -> Measurement:
        return median(self.cases[case])

    def greatest(self, rows: int) -> float:
        """Requests per second of the number of clients that gets most."""
        return max(self.median(case).rate for case in self.cases if case[0] == rows)

    def cpu(self, rows: int) -> float:
        """Milliseconds of processor time for an answer, median of the numbers of clients: hardly moved by what else
        runs on the machine."""
        return statistics.median(self.median(case).cpu for case in self.cases if case[0] == rows)


@dataclass(frozen=True)
class Deployed:
    """What serves on a stack. pod: seconds from a pod's creation to its first answer; ways: by clients and way."""

    pod: float
    ways: Mapping[int, Mapping[str, Measurement]]


def median(rounds: Sequence[Measurement]) -> Measurement:
    """Return the median of each figure, and the sum of what failed."""
    return Measurement(
        statistics.median(each.rate for each in rounds),
        statistics.median(each.p50 for each in rounds),
        statistics.median(each.p99 for each in rounds),
        statistics.median(each.cpu for each in rounds),
        sum(each.failed for each in rounds),
    )


def document(subjects: Mapping[str, Subject]) -> dict[str, Any]:
    """By name: title, versions, start, memory, cases, and the figures at half of the greatest load.

    `rates`: requests per second of each round. `times`: those of the first server (ours), divided by those of this one.
    `cpu_times`: processor time of this one for an answer, divided by the first one's."""
    first = next(iter(subjects.values()))
    return {
        name: {
            "title": subject.title,
            "versions": dict(subject.versions),
            "start_seconds": round(subject.start, 2),
            "memory_mib": round(subject.memory, 1),
            "cases": [
                {
                    **_named(case),
                    **_rounded(subject.median(case)),
                    "rates": [round(each.rate, 1) for each in subject.cases[case]],
                    "times": round(_times(first.median(case), subject.median(case)), 2),
                    "cpu_times": round(subject.median(case).cpu / first.median(case).cpu, 2),
                }
                for case in subject.cases
            ],
            "half_of_greatest_load": _rounded(median(subject.paced)),
        }
        for name, subject in subjects.items()
    }


def tables(subjects: Mapping[str, Subject]) -> str:
    """One table for each number of rows, and one of what a server is beside its speed."""
    cases = next(iter(subjects.values())).cases
    return "\n\n".join([*(_speed(subjects, rows) for rows in sorted({rows for rows, _ in cases})), _rest(subjects)])


def deployed_document(deployed: Deployed) -> dict[str, Any]:
    """`of_direct`: requests per second through the gateway, as a part of those of the direct way."""
    return {
        "pod_created_to_first_answer_seconds": round(deployed.pod, 2),
        "clients": [
            {
                "clients": clients,
                **{way: _rounded(figures) for way, figures in ways.items()},
                "of_direct": round(ways[GATEWAY].rate / ways[DIRECT].rate, 3),
            }
            for clients, ways in deployed.ways.items()
        ],
    }


def deployed_table(deployed: Deployed) -> str:
    lines = [
        f"pod created to first answer: {deployed.pod:.2f} s",
        f"{'clients':>8}{'direct /s':>11}{'gateway /s':>12}{'of direct':>11}",
    ]
    for clients, ways in deployed.ways.items():
        direct, gateway = ways[DIRECT].rate, ways[GATEWAY].rate
        lines.append(f"{clients:8}{direct:11.0f}{gateway:12.0f}{gateway / direct:11.0%}")
    return "\n".join(lines)


def _speed(subjects: Mapping[str, Subject], rows: int) -> str:
    first = next(iter(subjects.values()))
    clients = sorted(count for each, count in first.cases if each == rows)
    shown = "".join(f"{f'{count} clients: /s':>17}{'p50':>8}{'p99 ms':>8}" for count in clients)
    lines = [f"{'1 row' if rows == 1 else f'{rows} rows':{WIDTH}}{shown}{'CPU ms':>9}{'x ours':>8}  ours / it"]
    for subject in subjects.values():
        found = [subject.median((rows, count)) for count in clients]
        speeds = "".join(f"{each.rate:17.0f}{each.p50:8.2f}{each.p99:8.2f}" for each in found)
        cpu = subject.cpu(rows)
        own = [first.median((rows, count)) for count in clients]
        times = " ".join(f"{_times(ours, it):.2f}" for ours, it in zip(own, found, strict=True))
        failed = sum(each.failed for each in found)
        lines.append(
            f"{subject.title:{WIDTH}}{speeds}{cpu:9.3f}{cpu / first.cpu(rows):8.2f}  {times}"
            + (f"  {failed} requests failed" if failed else "")
        )
    return "\n".join(lines)


def _rest(subjects: Mapping[str, Subject]) -> str:
    lines = [f"{'':{WIDTH}}{'start s':>9}{'MiB':>7}{'p99 ms at half':>16}{'of /s':>8}  versions"]
    for subject in subjects.values():
        half = median(subject.paced)
        versions = ", ".join(f"{name} {version}" for name, version in subject.versions.items())
        figures = f"{subject.start:9.2f}{subject.memory:7.0f}{half.p99:16.2f}{half.rate:8.0f}"
        lines.append(f"{subject.title:{WIDTH}}{figures}  {versions}")
    return "\n".join(lines)


def _times(ours: Measurement, other: Measurement) -> float:
    return ours.rate / other.rate


def _named(case: Case) -> dict[str, int]:
    return {"rows": case[0], "clients": case[1]}


def _rounded(figures: Measurement) -> dict[str, Any]:
    return {name: round(value, 3) for name, value in asdict(figures).items()}

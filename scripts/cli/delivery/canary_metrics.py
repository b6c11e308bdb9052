"""What is measured of two versions that serve side by side, and whether the new one is worse: pure functions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modules.gateway.documents import FALLBACK

LINE = re.compile(r"^(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
REQUESTS, UNANSWERED = "haproxy_server_http_responses_total", "haproxy_server_redispatch_warnings_total"
SECONDS = "gateway_request_duration_seconds_bucket"
QUANTILE = 0.95
WEIGHT, MIN_DURATION, MIN_REQUESTS = 10, 60.0, 100
"""How a new version is tried by default: percent of the requests that it gets, seconds that it is
observed for, and requests, at least."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the gateway has counted of one server."""

    answers: Mapping[str, float]
    """By the first digit of the status: 2xx."""
    seconds: Mapping[float, float]
    """Answers that took at most so many seconds, by that bound; the last one is infinite."""

    def since(self, earlier: "Sample") -> "Sample | None":
        """Return what came after an earlier sample; None where the counters began anew in between."""
        answers = {code: count - earlier.answers.get(code, 0) for code, count in self.answers.items()}
        seconds = {bound: count - earlier.seconds.get(bound, 0) for bound, count in self.seconds.items()}
        if any(count < 0 for count in (*answers.values(), *seconds.values())):
            return None
        return Sample(answers=answers, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class VersionMetrics:
    """Of one version, while both served."""

    requests: int
    failures: int
    """Answers of the 5xx kind, seen by the gateway."""
    p95: float | None
    """Seconds that 95% of the answers took at most; None without answers."""
    accuracy: float | None
    """Share of the held-out rows that it labels right; None where it did not answer."""

    @property
    def failed_share(self) -> float:
        return self.failures / self.requests if self.requests else 0.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much worse than what serves a new version may be."""

    min_requests: int = MIN_REQUESTS
    """As many answers are wanted of it before errors and latency say anything."""
    failed_share: float = 0.01
    """More failed requests, as a share of all."""
    latency_factor: float = 1.5
    latency_seconds: float = 0.05
    """Slower by both: by the factor, and by so many seconds, which is noise on a busy machine."""
    accuracy: float = 0.0
    """Less accuracy on the same rows."""


def parse_sample(text: str, server: str) -> Sample:
    """Read one server's counters from Prometheus' text format, as the gateway writes it.

    What a server failed to answer, or did not have, the gateway asked of another one. It counts that as one thing;
    where the other one has refused the request too, it was the client's fault."""
    answers: dict[str, float] = {}
    seconds: dict[float, float] = {}
    for name, labels, value in _lines(text):
        of = labels.get("proxy"), labels.get("server")
        if name == SECONDS and labels["server"] == server:
            seconds[float(labels["le"])] = value
        elif name == REQUESTS and of == (server, server):
            answers[labels["code"]] = answers.get(labels["code"], 0) + value
        elif name == UNANSWERED and of == (server, server):
            answers["5xx"] = answers.get("5xx", 0) + value
        elif name == REQUESTS and of == (server, FALLBACK) and labels["code"] == "4xx":
            answers["4xx"] = answers.get("4xx", 0) + value
            answers["5xx"] = answers.get("5xx", 0) - value
    return Sample(answers=answers, seconds=dict(sorted(seconds.items())))


def _lines(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        if found := LINE.match(line):
            yield found["name"], dict(LABEL.findall(found["labels"])), float(found["value"])


def version_metrics(sample: Sample, accuracy: float | None) -> VersionMetrics:
    """Return the metrics of a version from what the gateway counted and how it answered the held-out rows."""
    return VersionMetrics(
        requests=int(sum(sample.answers.values())),
        failures=int(sum(count for code, count in sample.answers.items() if code.startswith("5"))),
        p95=quantile(sample.seconds, QUANTILE),
        accuracy=accuracy,
    )


def quantile(seconds: Mapping[float, float], share: float) -> float | None:
    """Interpolate within the bucket where the quantile lies; beyond the last bound, return that bound."""
    bounds = sorted(seconds)
    total = seconds[bounds[-1]] if bounds else 0.0
    if not total:
        return None
    wanted, below, reached = share * total, 0.0, 0.0
    for bound in bounds:
        if seconds[bound] >= wanted:
            if bound == float("inf"):
                return below
            inside = seconds[bound] - reached
            return below + (bound - below) * ((wanted - reached) / inside if inside else 1.0)
        below, reached = bound, seconds[bound]
    return below


def find_regression(served: VersionMetrics, tried: VersionMetrics, limits: Limits) -> str | None:
    """Return why the tried version must not serve, with both values; None where nothing speaks against it so far.

    Errors first: a version that fails has no latency or accuracy to speak of."""
    enough = tried.requests >= limits.min_requests
    if enough and tried.failed_share > served.failed_share + limits.failed_share:
        return (
            f"errors: {tried.failures} of {tried.requests} requests failed ({tried.failed_share:.1%}), "
            f"of what serves {served.failed_share:.1%}"
        )
    if served.accuracy is not None and (tried.accuracy is None or tried.accuracy < served.accuracy - limits.accuracy):
        has = "it did not answer the held-out rows" if tried.accuracy is None else f"{tried.accuracy:.4f}"
        cause = "errors" if tried.accuracy is None else "accuracy"
        return f"{cause}: {has}, what serves has {served.accuracy:.4f} on the same held-out rows"
    if enough and tried.p95 is not None and served.p95 is not None:
        allowed = max(served.p95 * limits.latency_factor, served.p95 + limits.latency_seconds)
        if tried.p95 > allowed:
            return f"latency: 95% of the answers within {tried.p95:.3f} s, of what serves within {served.p95:.3f} s"
    return None


def share_right(answers: Sequence[str], labels: Sequence[str]) -> float:
    """Return the accuracy of answers to rows with known labels."""
    return sum(answer == label for answer, label in zip(answers, labels, strict=True)) / len(labels)

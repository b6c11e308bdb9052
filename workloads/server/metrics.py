"""What /metrics says of one server: of HTTP and gRPC alike."""

from collections import Counter as Tally
from typing import Any

from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from workloads.server.model import Pin


class Metrics:
    """In a registry of its own, so that several servers can live in one process."""

    def __init__(self, pin: Pin) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "groundwork_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "groundwork_request_seconds", "Seconds from request to answer.", ["route"], registry=self.registry
        )
        self._rows = Counter(
            "groundwork_predicted_rows", "Rows predicted, by label.", ["label"], registry=self.registry
        )
        self._ready = Gauge("groundwork_model_ready", "1 once the pinned model answers.", registry=self.registry)
        info = Gauge(
            "groundwork_model_info", "The pinned model.", ["name", "version", "digest"], registry=self.registry
        )
        info.labels(pin.name, pin.version, pin.digest).set(1)
        # Finding a labelled series costs three times as much as counting in it.
        self._series: dict[tuple[str, int | str], tuple[Counter, Histogram]] = {}
        self._labels: dict[str, Counter] = {}

    def observe(self, route: str, status: int | str, seconds: float) -> None:
        """One request was answered. route: a pattern, never the path: a scanner must not grow the number of series."""
        if (series := self._series.get((route, status))) is None:
            series = self._requests.labels(route, status), self._seconds.labels(route)
            self._series[route, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def count_labels(self, labels: NDArray[Any]) -> None:
        found: list[str] = labels.tolist()
        tally = Tally(found) if len(found) > 1 else dict.fromkeys(found, 1)  # an eighth of the time, for one row
        for label, rows in tally.items():
            if label not in self._labels:
                self._labels[label] = self._rows.labels(label)
            self._labels[label].inc(rows)

    def render(self, ready: bool) -> bytes:
        self._ready.set(ready)
        return generate_latest(self.registry)

"""What can be measured of a canary and of what serves beside it: their traffic at the gateway, and their accuracy."""

import json
import time
from collections.abc import Callable

from modules.core.errors import UserError
from modules.gateway.documents import METRICS_PORT
from modules.gateway.documents import SERVICE as GATEWAY
from scripts.cli.clients import forward
from scripts.cli.delivery.canary_metrics import Sample, parse_sample, share_right
from scripts.cli.delivery.held_out import Rows
from scripts.cli.delivery.release import Place
from workloads.documents import CANARY, PORT, server_name

QUIET_SECONDS = 6.0
"""Without a request at the canary: then the gateway sends it none any more."""
REMOVAL_SECONDS = 180.0
"""For the gateway to stop: its node looks for changed routes every ten seconds on an embedded cluster, each minute by
the kubelet's own settings."""


class CanaryProbe:
    """Measures both servers of one workload."""

    def __init__(
        self,
        place: Place,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self.pause = pause
        self.clock = clock
        name = place.workload.name
        self.servers = (name, server_name(name, CANARY))
        """What serves, then the canary."""

    def samples(self) -> list[Sample]:
        """Return what the gateway has counted of each server so far."""
        pages = ("/metrics?scope=server", "/seconds")
        text = "".join(forward.ask(self.place.environment, GATEWAY, METRICS_PORT, page) for page in pages)
        return [parse_sample(text, server) for server in self.servers]

    def accuracies(self, rows: Rows) -> list[float | None]:
        """Return the accuracy of each server on the same rows."""
        return [self._accuracy(server, rows) for server in self.servers]

    def _accuracy(self, server: str, rows: Rows) -> float | None:
        """Ask a server without the gateway; None where it does not answer."""
        features = list(self.place.workload.serving.example)
        body = {"rows": [{name: float(row[name]) for name in features} for row in rows]}
        (label,) = self.place.workload.data.columns.keys() - features
        part = self.place.workload.name
        try:
            answer = forward.ask(self.place.environment, server, PORT, "/predict", part=part, json=body)
            return share_right(json.loads(answer)["predictions"], [row[label] for row in rows])
        except (UserError, ValueError, KeyError, TypeError):
            return None

    def wait_for_traffic_removal(self, decided: float) -> float:
        """Wait until the canary gets no requests any more. Return the seconds from the decision to its last one."""
        last, count, deadline = self.clock(), -1.0, self.clock() + REMOVAL_SECONDS
        while self.clock() - last < QUIET_SECONDS and self.clock() < deadline:
            asked = sum(self.samples()[1].answers.values())
            if asked != count:
                last, count = self.clock(), asked
            self.pause(0.5)
        return last - decided

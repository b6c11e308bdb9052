"""One request of the engine: whose it is, how long it may take, whether it was cancelled, and how to talk back."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .errors import ProviderError

Severity = Literal["debug", "info", "warning", "error"]
Say = Callable[[Severity, str, str, bool], None]
"""severity, message, urn, whether it is a passing status."""


def _nothing(severity: Severity, message: str, urn: str, passing: bool) -> None:
    del severity, message, urn, passing


@dataclass
class Call:
    """urn: the resource's. timeout: seconds by `customTimeouts`, 0 for the provider's own default."""

    urn: str = ""
    timeout: float = 0.0
    preview: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    say: Say = _nothing
    started: float = field(default_factory=time.monotonic)

    def warn(self, message: str) -> None:
        """A diagnostic that stays on the screen and changes nothing."""
        self.say("warning", message, self.urn, False)

    def info(self, message: str) -> None:
        self.say("info", message, self.urn, False)

    def status(self, message: str) -> None:
        """What the resource is doing now: shown beside it until the next one."""
        self.say("info", message, self.urn, True)

    def sleep(self, seconds: float) -> None:
        """Waits; raises ProviderError at once when the run is cancelled."""
        if self.cancelled.wait(seconds):
            raise ProviderError("cancelled")

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise ProviderError("cancelled")

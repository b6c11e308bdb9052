"""Looks every now and then, for both protocols: whether the pod is drained, and what else is due."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

WATCH_SECONDS = 0.5
"""Between two looks."""


class Watch:
    """Looks while it is entered; the first time at once."""

    def __init__(self, drain_file: Path) -> None:
        self._drain_file = drain_file
        self._due: list[Callable[[], None]] = []
        self.draining = False

    def each_time(self, act: Callable[[], None]) -> None:
        """Have this done at each look from the next one on."""
        self._due.append(act)

    async def __aenter__(self) -> "Watch":
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._look)
        self.draining = self._drain_file.exists()
        for act in self._due:
            act()

"""Follows the objects of one kind in a cluster, for what of AWS works with them."""

import sys
import threading
import time
from collections.abc import Callable

from embedded.cluster.api import Client, Json

WATCH_SECONDS = 300
PAUSE = 1.0


class Follower:
    """Hands each object to `handle`, as it is and whenever it changes, from a thread of its own until the end. What
    fails is printed and tried again. `name`: of who follows."""

    def __init__(self, client: Client, path: str, handle: Callable[[Json], None], *, name: str) -> None:
        self.client, self.path, self.handle, self.name = client, path, handle, name
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
            except Exception as error:  # whatever it is, it is printed, and tried again
                if not self._ended.is_set():
                    print(f"{self.name}: {self.path}: {error}", file=sys.stderr, flush=True)
                time.sleep(PAUSE)

    def _follow(self) -> None:
        listed = self.client.get(self.path)
        for item in listed["items"]:
            self.handle(item)
        for event in self.client.watch(self.path, listed["metadata"]["resourceVersion"], WATCH_SECONDS):
            if self._ended.is_set() or event["type"] == "ERROR":  # its history is gone: list anew
                return
            if event["type"] in {"ADDED", "MODIFIED"}:
                self.handle(event["object"])

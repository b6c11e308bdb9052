"""A live copy of one kind's objects in one namespace: one list and one watch, whoever is waiting."""

import contextlib
import http.client
import threading
from collections import defaultdict

from embedded.providers.base import Object, ProviderError

from .client import Client
from .errors import ApiError
from .manifest import metadata, name_of, namespace_of

Key = tuple[str, str]
"""namespace, name"""
PAUSE = 1.0
"""Seconds before a broken watch is begun again."""


class Collection:
    """Keeps itself current on a thread of its own, as long as the process lives."""

    def __init__(self, client: Client, path: str) -> None:
        self._client, self._path = client, path
        self._objects: dict[Key, Object] = {}
        self._waiting: defaultdict[Key, list[threading.Event]] = defaultdict(list)
        self._lock = threading.Lock()
        self.synced = threading.Event()
        self.failure = ""
        threading.Thread(target=self._follow, name=f"watch {path}", daemon=True).start()

    def get(self, key: Key) -> Object | None:
        return self._objects.get(key)

    def all(self) -> list[Object]:
        with self._lock:
            return list(self._objects.values())

    @contextlib.contextmanager
    def changes(self, key: Key):
        """An Event that is set whenever the object changes."""
        changed = threading.Event()
        with self._lock:
            self._waiting[key].append(changed)
        try:
            yield changed
        finally:
            with self._lock:
                self._waiting[key].remove(changed)

    def _follow(self) -> None:
        closed = self._client.closed
        while not closed.is_set():
            try:
                version = self._list()
                while not closed.is_set():
                    version = self._watch(version)
            except (ApiError, ProviderError, OSError, http.client.HTTPException, ValueError) as error:
                self.failure = str(error)
                closed.wait(PAUSE)

    def _list(self) -> str:
        found = self._client.get(self._path, {"resourceVersion": "0"} if not self.synced.is_set() else None)
        fresh = {(namespace_of(item), name_of(item)): item for item in found.get("items") or ()}
        with self._lock:
            touched = fresh.keys() | self._objects.keys()
            self._objects = fresh
        self.failure = ""
        self.synced.set()
        for key in touched:
            self._wake(key)
        return found["metadata"]["resourceVersion"]

    def _watch(self, version: str) -> str:
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "300"}
        with self._client.watch(self._path, query) as events:
            for event in events:
                item: Object = event["object"]
                if event["type"] == "ERROR":
                    raise ApiError(item.get("code") or 410, item.get("reason") or "", item.get("message") or "")
                version = metadata(item)["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                key = (namespace_of(item), name_of(item))
                with self._lock:
                    if event["type"] == "DELETED":
                        self._objects.pop(key, None)
                    else:
                        self._objects[key] = item
                self._wake(key)
        return version

    def _wake(self, key: Key) -> None:
        with self._lock:
            for changed in self._waiting.get(key, ()):
                changed.set()

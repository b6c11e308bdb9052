"""Which kinds the server knows, and under which path."""

import threading
import time
from dataclasses import dataclass

from embedded.providers.base import Object

from .client import Client
from .errors import ApiError

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
REFRESH_INTERVAL = 1.0
"""Seconds: many objects of one unknown kind ask the server once."""


@dataclass(frozen=True)
class Kind:
    """One kind in one version. path: of its collection in all namespaces."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def base(self) -> str:
        return f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"

    def collection(self, namespace: str = "") -> str:
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.base}{inside}/{self.plural}"

    def path(self, namespace: str, name: str) -> str:
        return f"{self.collection(namespace)}/{name}"


class Discovery:
    """Asked once a process, and again when a kind is not known: its definition may have come since."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._read = -REFRESH_INTERVAL

    def find(self, api_version: str, kind: str) -> Kind | None:
        found = self._kinds.get((api_version, kind))
        if found is not None:
            return found
        with self._lock:
            if (api_version, kind) not in self._kinds and time.monotonic() - self._read >= REFRESH_INTERVAL:
                self._kinds = self._discover()
                self._read = time.monotonic()
            return self._kinds.get((api_version, kind))

    def forget(self) -> None:
        """The next unknown kind is asked for at once."""
        self._read = -REFRESH_INTERVAL

    def _discover(self) -> dict[tuple[str, str], Kind]:
        found: dict[tuple[str, str], Kind] = {}
        for root in ("/api", "/apis"):
            for group in self._client.get(root, accept=AGGREGATED).get("items") or ():
                for version in group.get("versions") or ():
                    found.update(_kinds(group["metadata"].get("name") or "", version))
        return found

    def server_version(self) -> str:
        try:
            return self._client.get("/version").get("gitVersion") or ""
        except ApiError:
            return ""


def _kinds(group: str, version: Object) -> dict[tuple[str, str], Kind]:
    api_version = f"{group}/{version['version']}" if group else version["version"]
    found: dict[tuple[str, str], Kind] = {}
    for resource in version.get("resources") or ():
        kind = resource.get("responseKind", {}).get("kind") or resource.get("singularResource", "")
        namespaced = resource.get("scope") == "Namespaced"
        found[(api_version, kind)] = Kind(
            api_version, kind, resource["resource"], namespaced, frozenset(resource.get("verbs") or ())
        )
    return found

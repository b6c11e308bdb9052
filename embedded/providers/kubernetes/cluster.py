"""One cluster as the rest of the provider sees it: its kinds, its identity, and live copies of its objects."""

import threading
import time

from embedded.providers.base import Object, ProviderError

from .client import Client
from .collection import Collection
from .discovery import Discovery, Kind
from .errors import ApiError, Unreachable
from .kubeconfig import load
from .manifest import CLUSTER_KEY
from .settings import Settings

UNREACHABLE_MEMORY = 10.0
"""Seconds for which a cluster that did not answer is not asked again: a run has hundreds of objects."""


class Cluster:
    """Connects at first use: an engine configures providers that it never calls."""

    def __init__(self, settings: Settings, cancelled: threading.Event) -> None:
        self.settings = settings
        self.access = load(settings.kubeconfig, settings.context, settings.cluster)
        self.client = Client(self.access, cancelled)
        self.discovery = Discovery(self.client)
        self._lock = threading.Lock()
        self._uid = ""
        self._failed: tuple[float, Unreachable] | None = None
        self._collections: dict[str, Collection] = {}

    @property
    def namespace(self) -> str:
        """Where objects go that name none."""
        return self.settings.namespace or self.access.namespace

    @property
    def uid(self) -> str:
        """What tells this cluster from every other, the next one of the same name too. Raises Unreachable."""
        if self._uid:
            return self._uid
        with self._lock:
            if self._failed and time.monotonic() - self._failed[0] < UNREACHABLE_MEMORY:
                raise self._failed[1]
            if not self._uid:
                self._uid = self._read_uid()
            return self._uid

    def _read_uid(self) -> str:
        try:
            return self.client.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        except Unreachable as error:
            self._failed = (time.monotonic(), error)
            raise
        except ApiError as error:
            raise ProviderError(
                f"the Kubernetes cluster at {self.access.server} answers, but does not say which one it is: "
                f"{error.message} (reading the namespace kube-system; HTTP {error.status})"
            ) from None

    def refuse_other(self, state: Object) -> None:
        """Raises ProviderError for state that was made on another cluster."""
        made_on = state.get(CLUSTER_KEY)
        if made_on and made_on != self.uid:
            raise ProviderError(
                f"this state was made on another cluster (kube-system UID {made_on}); context {self.access.context!r} "
                f"leads to {self.access.server} (UID {self.uid}). Nothing was changed. Point KUBECONFIG to the right "
                "cluster; if that one is gone for good, remove the resource with `pulumi state delete`"
            )

    def kind(self, api_version: str, kind: str) -> Kind | None:
        _ = self.uid  # an unreachable cluster says so quickly, and once
        return self.discovery.find(api_version, kind)

    def close(self) -> None:
        self.client.close()

    def collection(self, path: str) -> Collection:
        with self._lock:
            found = self._collections.get(path)
            if found is None:
                found = self._collections[path] = Collection(self.client, path)
            return found

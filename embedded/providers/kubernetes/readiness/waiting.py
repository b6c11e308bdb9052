"""Waits until an object is ready, says meanwhile why it is not, and gives up early only when that is final."""

import time
from collections.abc import Callable

from embedded.providers.base import Call, Object, ProviderError, part

from ..cluster import Cluster
from ..discovery import Kind
from ..errors import ApiError
from ..manifest import SKIP_AWAIT, TIMEOUT, WAIT_FOR, annotation_true, annotations, name_of, namespace_of, title
from . import others, workloads
from .conditions import Malformed, conditions_of, examine_all
from .diagnosis import Diagnosis
from .verdict import Finding, Verdict

DEFAULT_TIMEOUT = 600.0
"""Seconds; the official provider's for most kinds."""
TIMEOUTS = {
    "PersistentVolumeClaim": 300.0,
    "Namespace": 300.0,
    "CustomResourceDefinition": 300.0,
    "Secret": 30.0,
}
PATIENCE = 3.0
"""Seconds before the first look at pods and events: most objects are ready by then, on a busy machine too."""
LOOK = 2.0
"""Seconds between looks."""
EMPTY_SERVICE = 10.0
"""Seconds after which a Service whose selector matches nothing counts as made, as with the official provider."""

SIMPLE: dict[tuple[str, str], Callable[[Object], Verdict]] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("", "ReplicationController"): workloads.replica_set,
    ("batch", "Job"): workloads.job,
    ("", "Pod"): others.pod,
    ("", "PersistentVolume"): others.volume,
    ("", "Namespace"): others.namespace,
    ("", "Secret"): others.secret,
    ("", "ResourceQuota"): others.quota,
    ("networking.k8s.io", "Ingress"): others.ingress,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): others.definition,
}


class NotReady(Exception):
    """live: the object as last seen. reasons: why it is not ready, the most telling last."""

    def __init__(self, live: Object, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live, self.reasons = live, reasons


def timeout_of(call: Call, manifest: Object) -> float:
    """customTimeouts, else the annotation, else the kind's default."""
    if call.timeout:
        return call.timeout
    given = annotations(manifest).get(TIMEOUT)
    if given is not None:
        try:
            return float(given)
        except ValueError:
            raise ProviderError(f"{TIMEOUT}: {given!r} is no number of seconds") from None
    return TIMEOUTS.get(str(manifest.get("kind")), DEFAULT_TIMEOUT)


def wait_ready(call: Call, cluster: Cluster, kind: Kind, live: Object) -> Object:
    """The object as it is when ready. Raises NotReady when it fails, or at the end of the time given."""
    if annotation_true(live, SKIP_AWAIT):
        return live
    examine = _examiner(cluster, live)
    if examine is None:
        return live
    return _Wait(call, cluster, kind, live, examine).run()


def _examiner(cluster: Cluster, live: Object) -> Callable[[Object], Verdict] | None:
    try:
        own = conditions_of(live)
    except Malformed as error:
        raise ProviderError(f"{title(live)}: {WAIT_FOR}: {error}") from None
    if own:
        return lambda now: examine_all(own, now)
    group, _, _ = str(live["apiVersion"]).rpartition("/")
    key = (group, str(live["kind"]))
    if key == ("", "Service"):
        return _service_examiner(cluster)
    if key == ("", "PersistentVolumeClaim"):
        return lambda claim: others.claim(claim, _storage_class(cluster, claim))
    return SIMPLE.get(key)


SOMEBODY: list[Object] = [{"endpoints": [{}]}]


def _service_examiner(cluster: Cluster) -> Callable[[Object], Verdict]:
    started = time.monotonic()

    def examine(live: Object) -> Verdict:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace_of(live)}/endpointslices"
        slices = cluster.client.get(path, {"labelSelector": f"kubernetes.io/service-name={name_of(live)}"})["items"]
        verdict = others.service(live, slices)
        empty = not any(entry.get("endpoints") for entry in slices)
        if not verdict.done and empty and time.monotonic() - started > EMPTY_SERVICE:
            return others.service(live, SOMEBODY)
        return verdict

    return examine


def _storage_class(cluster: Cluster, claim: Object) -> Object | None:
    name = part(claim, "spec").get("storageClassName")
    if not name:
        return None
    try:
        return cluster.client.get(f"/apis/storage.k8s.io/v1/storageclasses/{name}")
    except ApiError:
        return None


class _Wait:
    def __init__(
        self, call: Call, cluster: Cluster, kind: Kind, live: Object, examine: Callable[[Object], Verdict]
    ) -> None:
        self.call, self.cluster, self.examine, self.live = call, cluster, examine, live
        self.kind = kind
        self.started = time.monotonic()
        self.deadline = self.started + timeout_of(call, live)
        self.looked = self.started + PATIENCE - LOOK
        self.first_seen: dict[str, float] = {}
        self.said = ""
        self.reasons: list[str] = []

    def run(self) -> Object:
        verdict = self.examine(self.live)
        if verdict.done:
            return self.live
        namespace, name = namespace_of(self.live), name_of(self.live)
        collection = self.cluster.collection(self.kind.collection(namespace))
        polled = self.kind.kind in ("Service", "PersistentVolumeClaim")
        seen = False
        with collection.changes((namespace, name)) as changed:
            while not verdict.done:
                self._consider(verdict)
                changed.wait(min(0.5 if polled else 1.0, max(0.01, self.deadline - time.monotonic())))
                changed.clear()
                self._check_time()
                current = collection.get((namespace, name))
                if current is None:
                    if seen:
                        raise NotReady(self.live, [f"{title(self.live)} was deleted while it was waited for"])
                    continue
                # The copy may still be older than what the write returned.
                if _version(current) < _version(self.live):
                    continue
                seen = True
                self.live = {"apiVersion": self.live["apiVersion"], "kind": self.live["kind"], **current}
                verdict = self.examine(self.live)
        return self.live

    def _consider(self, verdict: Verdict) -> None:
        """Says what is missing; raises NotReady when waiting can't help."""
        now = time.monotonic()
        if verdict.final:
            raise NotReady(self.live, [verdict.why, *(finding.why for finding in self._look())])
        self.reasons = self.reasons or [verdict.why]
        if now - self.looked < LOOK:
            return
        self.looked = now
        found = self._look()
        self.reasons = [verdict.why, *(finding.why for finding in found)]
        self._say("; ".join(reversed(self.reasons)))
        # What a program itself waits for may well come of pods that fail.
        hopeless = [] if WAIT_FOR in annotations(self.live) else found
        final = [finding for finding in hopeless if finding.final and self._settled(finding, now)]
        if final:
            raise NotReady(self.live, [verdict.why, *(finding.why for finding in final)])

    def _look(self) -> list[Finding]:
        try:
            return Diagnosis(self.cluster, self.live).findings()
        except (ApiError, ProviderError):
            return []  # what can't be looked at now is looked at the next time

    def _settled(self, finding: Finding, now: float) -> bool:
        first = self.first_seen.setdefault(finding.why, now)
        return now - first >= finding.settle

    def _say(self, message: str) -> None:
        if message != self.said:
            self.said = message
            self.call.status(message)

    def _check_time(self) -> None:
        if self.call.cancelled.is_set():
            raise NotReady(self.live, ["the run was cancelled while it was waited for", *self.reasons])
        if time.monotonic() >= self.deadline:
            waited = round(self.deadline - self.started)
            raise NotReady(self.live, [f"not ready after {waited} s", *self.reasons])


def _version(live: Object) -> int:
    text = str(live["metadata"].get("resourceVersion") or "0")
    return int(text) if text.isdigit() else 0

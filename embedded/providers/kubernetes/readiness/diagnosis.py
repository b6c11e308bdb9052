"""Why an object is not ready: what its pods, their logs and its events say."""

from embedded.providers.base import Object, part

from ..cluster import Cluster
from ..errors import ApiError
from ..manifest import metadata, namespace_of
from .pods import findings, matches
from .verdict import Finding, condition, says, spec

LOG_LINES = 10
REFUSED = ("exceeded quota", "violates PodSecurity", "forbidden")
SETTLE = 10.0
"""Seconds for which a refusal must last to be final: in a rollout, a pod on its way out may still hold its quota."""
KINDS_WITH_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"})


class Diagnosis:
    """Looks around one object."""

    def __init__(self, cluster: Cluster, live: Object) -> None:
        self._cluster, self._live = cluster, live
        self._namespace = namespace_of(live)

    def findings(self) -> list[Finding]:
        if self._live["kind"] == "Pod":
            return [self._detailed(finding) for finding in findings(self._live)]
        if self._live["kind"] not in KINDS_WITH_PODS:
            return []
        found = [finding for pod in self._pods() for finding in findings(pod)]
        if not found and (refusal := self._refusal()):
            found = [refusal]
        return [self._detailed(finding) for finding in _distinct(found)]

    def _pods(self) -> list[Object]:
        """The pods that its selector selects, those of the newest template first."""
        selector: Object = spec(self._live).get("selector") or {}
        if self._live["kind"] == "ReplicationController":
            selector = {"matchLabels": selector}
        kind = self._cluster.kind("v1", "Pod")
        if not selector or kind is None:
            return []
        collection = self._cluster.collection(kind.collection(self._namespace))
        collection.synced.wait(1.0)
        found = [pod for pod in collection.all() if matches(selector, metadata(pod).get("labels") or {})]
        return sorted(found, key=lambda pod: pod["metadata"].get("creationTimestamp") or "", reverse=True)

    def _refusal(self) -> Finding | None:
        """Why no pod could even be made: quota, Pod Security, a missing service account."""
        why = says(condition(self._live, "ReplicaFailure"))
        if not why:
            event = self._last_warning(metadata(self._live).get("uid") or "")
            why = says(event) if event.get("reason") in ("FailedCreate", "FailedScheduling") else ""
        if not why:
            return None
        final = any(text in why for text in REFUSED) and "service account" not in why
        return Finding(f"no pod can be made: {why}", final, SETTLE)

    def _detailed(self, finding: Finding) -> Finding:
        more = ""
        if finding.pod:
            more = self._log(finding)
        elif finding.events_of:
            event = self._last_warning(finding.events_of)
            more = f" ({says(event)})" if event else ""
        return Finding(finding.why + more, finding.final, finding.settle) if more else finding

    def _log(self, finding: Finding) -> str:
        query = {"tailLines": str(LOG_LINES), "previous": "true" if finding.previous else "false"}
        if finding.container:
            query["container"] = finding.container
        path = f"/api/v1/namespaces/{self._namespace}/pods/{finding.pod}/log"
        try:
            text = self._cluster.client.request("GET", path, query).decode(errors="replace").rstrip()
        except ApiError:
            return ""
        return f"; its last log lines:\n{text}" if text else "; its log is empty"

    def _last_warning(self, uid: str) -> Object:
        """From a live copy: hundreds of objects that wait would each make the server search all events."""
        collection = self._cluster.collection(f"/api/v1/namespaces/{self._namespace}/events")
        collection.synced.wait(1.0)
        events = [
            event
            for event in collection.all()
            if event.get("type") == "Warning" and part(event, "involvedObject").get("uid") == uid
        ]
        return max(events, key=_when) if events else {}


def _when(event: Object) -> str:
    series: Object = event.get("series") or {}
    return series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""


def _distinct(found: list[Finding]) -> list[Finding]:
    """Ten pods with one trouble are told once; final reasons come first."""
    seen: dict[str, Finding] = {}
    for finding in found:
        reason = finding.why.split(": ", 1)[-1]
        if reason not in seen or (finding.final and not seen[reason].final):
            seen[reason] = finding
    return sorted(seen.values(), key=lambda finding: not finding.final)[:3]

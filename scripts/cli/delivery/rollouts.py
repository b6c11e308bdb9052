"""Waits until what was deployed or started answers: every pod of the platform by its newest template, and ready.

The engine's plugin waits too, but not always long enough: where old pods end before new ones begin (the strategy
Recreate), and where the number of pods changes as well, it takes the conditions of the previous rollout for those of
the new one. And nobody waits where a cluster was only started.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from modules.core.errors import UserError
from modules.core.simulation import SIMULATED
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress

PATIENCE_SECONDS = 300.0
"""Without anything that moves; a container that starts slowly shows nothing for as long as its probes allow."""

Object = Mapping[str, Any]


def wait(
    environment: Environment,
    progress: Progress,
    *,
    namespace: str | None = None,
    since: datetime | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Until all Deployments and StatefulSets of the platform are rolled out. Raises UserError, naming those that are
    not and why, when nothing has moved for PATIENCE_SECONDS.

    namespace: only what is in it is waited for. since: when the cluster was started; what it still holds of containers
    that ran before is not believed.
    """
    seen: set[str] = set()
    moved = time.monotonic()
    while waiting := unfinished(environment, namespace, since):
        progress(waiting[0] if len(waiting) == 1 else f"{waiting[0]}, and {len(waiting) - 1} more")
        if not seen.issuperset(waiting):
            seen.update(waiting)
            moved = time.monotonic()
        if time.monotonic() - moved > PATIENCE_SECONDS:
            raise UserError(
                f"stack {environment.stack}: not ready, and nothing has moved for {PATIENCE_SECONDS:.0f} s:\n"
                + "\n".join(waiting)
                + f"\n`groundwork status {environment.stack}` says why; then run the same command again"
            )
        pause(1)


def unfinished(environment: Environment, namespace: str | None, since: datetime | None) -> list[str]:
    """What is not rolled out yet, and how far it is."""
    found = kubectl.ours(environment, "deployments,statefulsets", namespace)
    waiting = [f"{item['metadata']['name']}: {why}" for item in found if (why := missing(item))]
    if since is not None:
        pods = kubectl.ours(environment, "pods", namespace)
        waiting += [f"{pod['metadata']['name']}: to be started again" for pod in pods if is_of_before(pod, since)]
    return waiting


def is_of_before(pod: Object, since: datetime) -> bool:
    """Whether a pod is reported to run by containers that ended with a previous start of the cluster. Pure."""
    if SIMULATED in pod["metadata"].get("labels", {}):
        return False
    running = [entry["state"]["running"] for entry in _statuses(pod) if "running" in entry.get("state", {})]
    return any(datetime.fromisoformat(entry["startedAt"]) < since.replace(microsecond=0) for entry in running)


def _statuses(pod: Object) -> list[Object]:
    return pod.get("status", {}).get("containerStatuses") or []


def missing(item: Object) -> str | None:
    """What a Deployment or StatefulSet still lacks; None where it is rolled out. Pure."""
    spec: Object = item["spec"]
    status: Object = item.get("status") or {}
    wanted: int = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return "its change is not seen yet"
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} pods are of the newest version"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return "pods of the previous version end"
    if status.get("availableReplicas", 0) < wanted:
        return f"{status.get('availableReplicas', 0)} of {wanted} pods are ready"
    return None

"""Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs."""

from embedded.providers.base import Object, part

from .verdict import READY, Verdict, condition, failed, holds, says, spec, status, waiting


def _observed(live: Object) -> bool:
    return status(live).get("observedGeneration", 0) >= live["metadata"].get("generation", 0)


def deployment(live: Object) -> Verdict:
    """All replicas of the current template are available, and none of a former one is left."""
    if not _observed(live):
        return waiting("the controller has not seen this version yet")
    if spec(live).get("paused"):
        return READY
    wanted: int = spec(live).get("replicas", 1)
    now = status(live)
    updated, total, available = now.get("updatedReplicas", 0), now.get("replicas", 0), now.get("availableReplicas", 0)
    if updated < wanted:
        return waiting(f"{updated} of {wanted} replicas updated")
    if total > updated:
        return waiting(f"{total - updated} former replicas still to go")
    if available < updated:
        return waiting(f"{available} of {wanted} replicas available")
    return READY


def replica_set(live: Object) -> Verdict:
    if not _observed(live):
        return waiting("the controller has not seen this version yet")
    wanted: int = spec(live).get("replicas", 1)
    available = status(live).get("availableReplicas", 0)
    return READY if available >= wanted else waiting(f"{available} of {wanted} replicas available")


def stateful_set(live: Object) -> Verdict:
    """All replicas are ready and, unless updates wait for a person, of the current template."""
    if not _observed(live):
        return waiting("the controller has not seen this version yet")
    wanted: int = spec(live).get("replicas", 1)
    now = status(live)
    ready = now.get("readyReplicas", 0)
    strategy = part(live, "spec", "updateStrategy")
    if strategy.get("type") == "RollingUpdate":
        partition: int = part(strategy, "rollingUpdate").get("partition") or 0
        updated = now.get("updatedReplicas", 0)
        if updated < wanted - partition:
            return waiting(f"{updated} of {wanted - partition} replicas updated")
        if not partition and now.get("currentRevision") != now.get("updateRevision"):
            return waiting("replicas of the former revision still to go")
    if ready < wanted:
        return waiting(f"{ready} of {wanted} replicas ready")
    return READY


def daemon_set(live: Object) -> Verdict:
    if not _observed(live):
        return waiting("the controller has not seen this version yet")
    now = status(live)
    wanted: int = now.get("desiredNumberScheduled", 0)
    updated, available = now.get("updatedNumberScheduled", 0), now.get("numberAvailable", 0)
    if part(live, "spec", "updateStrategy").get("type") != "OnDelete" and updated < wanted:
        return waiting(f"{updated} of {wanted} nodes updated")
    return READY if available >= wanted else waiting(f"available on {available} of {wanted} nodes")


def job(live: Object) -> Verdict:
    if holds(live, "Complete") or spec(live).get("suspend"):
        return READY
    if holds(live, "Failed"):
        return failed(f"the Job failed: {says(condition(live, 'Failed'))}")
    now = status(live)
    wanted: int = spec(live).get("completions") or 1
    tried = f", {now['failed']} failed" if now.get("failed") else ""
    return waiting(f"{now.get('succeeded', 0)} of {wanted} pods succeeded, {now.get('active', 0)} running{tried}")

"""Why the pods of a workload are not ready, from their statuses."""

import re
from typing import Any

from embedded.providers.base import Object, part

from .verdict import Finding, condition, spec, status

NO_SUCH_IMAGE = re.compile(r"not found|manifest unknown|does not exist|InvalidImageName|couldn't parse image", re.I)
IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
CRASHES = 3
"""Crashes of one container after which nobody expects it to recover by itself."""


def matches(selector: Object, labels: Object) -> bool:
    """Whether a label selector selects."""
    wanted: Object = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(entry, labels) for entry in selector.get("matchExpressions") or ())


def _expression(entry: Object, labels: Object) -> bool:
    key, values = entry["key"], entry.get("values") or ()
    match entry["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def findings(pod: Object) -> list[Finding]:
    """What keeps one pod from being ready; nothing for one that is, or that is on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return []
    name: str = pod["metadata"]["name"]
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return [Finding(f"pod {name} is not scheduled: {scheduled.get('message') or scheduled.get('reason')}")]
    entries: list[Any] = [
        *(status(pod).get("initContainerStatuses") or ()),
        *(status(pod).get("containerStatuses") or ()),
    ]
    found = [finding for entry in entries if (finding := _container(name, pod, entry))]
    if not found and status(pod).get("phase") == "Failed":
        why = status(pod).get("message") or status(pod).get("reason") or "its containers ended with an error"
        found.append(Finding(f"pod {name} failed: {why}", pod=name))
    return found


def _container(name: str, pod: Object, entry: Object) -> Finding | None:
    where = f"pod {name}, container {entry['name']}"
    state, restarts = part(entry, "state"), entry.get("restartCount", 0)
    holding = part(entry, "state", "waiting")
    ended = part(entry, "state", "terminated") or part(entry, "lastState", "terminated")
    if holding and holding.get("reason") in IMAGE:
        message = f"{holding['reason']}: {holding.get('message') or entry.get('image')}"
        return Finding(f"{where}: {message}", final=bool(NO_SUCH_IMAGE.search(message)))
    if ended and ended.get("exitCode") and not entry.get("ready"):
        crashes = restarts + (0 if state.get("running") else 1)
        why = f"crashed ({ended.get('reason') or 'Error'}, exit code {ended['exitCode']}), {_times(crashes)}"
        # A pod that is never restarted crashes once; its Job counts the pods.
        final = crashes >= CRASHES and spec(pod).get("restartPolicy", "Always") != "Never"
        previous = not state.get("terminated")
        return Finding(f"{where}: {why}", final, pod=name, container=entry["name"], previous=previous)
    if holding and holding.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        return Finding(f"{where}: {holding['reason']}{_colon(holding.get('message'))}")
    if state.get("running") and not entry.get("ready") and "containerID" in entry:
        return Finding(f"{where}: running, but not ready", events_of=pod["metadata"]["uid"])
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _colon(message: str | None) -> str:
    return f": {message}" if message else ""

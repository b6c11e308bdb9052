"""Pods that the bounds of a namespace refused (`foundation.quota`): who made them only waits for room."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from modules.core.errors import UserError
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

BOUNDS = {"exceeded quota: ": "quota", " usage per Container ": "quota.largest"}
"""What the API server says where a ResourceQuota or a LimitRange refuses a pod, and the settings below foundation."""


def with_refusals(environment: Environment, error: UserError, since: datetime) -> UserError:
    """Return the error of a run that began then, with the pods that were refused meanwhile."""
    try:
        events = [
            event
            for namespace in environment.settings.namespaces(environment.stack)
            for event in kubectl.items(environment, "events", "-n", namespace, "--field-selector=reason=FailedCreate")
        ]
    except UserError:  # the cluster does not answer, which the error says already
        return error
    found = refusals(events, since)
    return UserError("\n".join([str(error), *found])) if found else error


def refusals(events: Iterable[Mapping[str, Any]], since: datetime) -> list[str]:
    """Return a line for each object whose pods were refused. Pure."""
    lines: dict[str, str] = {}
    for event in events:
        message: str = event["message"]
        key = next((key for words, key in BOUNDS.items() if words in message), None)
        last = event.get("lastTimestamp")
        if key and last and datetime.fromisoformat(last) >= since.replace(microsecond=0):
            maker = event["involvedObject"]
            lines[f"{maker['namespace']} {maker['kind']}/{maker['name']}"] = (
                f"{message.removeprefix('Error creating: ')}: raise groundwork:foundation.{key}, or ask for less"
            )
    return [f"{maker}: {line}" for maker, line in sorted(lines.items())]

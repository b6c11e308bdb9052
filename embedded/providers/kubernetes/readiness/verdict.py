"""What a look at an object says."""

from dataclasses import dataclass
from typing import Any

from embedded.providers.base import Object, items, part


@dataclass(frozen=True)
class Verdict:
    """done: ready. why: what is still missing, in words. final: it will not become ready by waiting."""

    done: bool
    why: str = ""
    final: bool = False


READY = Verdict(True)


def waiting(why: str) -> Verdict:
    return Verdict(False, why)


def failed(why: str) -> Verdict:
    return Verdict(False, why, final=True)


@dataclass(frozen=True)
class Finding:
    """A reason found in pods or events. final: as above; settle: only when it lasts for so many seconds.

    pod, container: whose log tells more, and whether the log of the run before this one (previous).
    events_of: the UID of an object whose last warning tells more. All "" where nothing does.
    """

    why: str
    final: bool = False
    settle: float = 0.0
    pod: str = ""
    container: str = ""
    previous: bool = False
    events_of: str = ""


def spec(live: Object) -> Object:
    return part(live, "spec")


def status(live: Object) -> Object:
    return part(live, "status")


def condition(live: Object, kind: str) -> Object:
    """The condition of a type; empty where the object has none."""
    for entry in items(live, "status", "conditions"):
        if entry.get("type") == kind:
            return entry
    return {}


def holds(live: Object, kind: str) -> bool:
    return condition(live, kind).get("status") == "True"


def says(entry: Object) -> str:
    """A condition's or event's reason and message."""
    parts: list[Any] = [entry.get("reason"), entry.get("message")]
    return ": ".join(str(part) for part in parts if part)

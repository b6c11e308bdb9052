"""The labels that every object carries. A module knows its environment only through these."""

import re
from dataclasses import dataclass

from .naming import label

PART_OF = "groundwork"
COMPONENT = "app.kubernetes.io/component"
LOCAL_PORT = "groundwork.dev/local-port"
"""Annotation of a Service that is published on 127.0.0.1, at this port."""
VERSION = "app.kubernetes.io/version"
"""Label of every pod: the version of the software in its main container."""
POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
"""Labels of every namespace: what breaks the restricted Pod Security Standard is refused."""

OWN_PREFIXES = ("app.kubernetes.io", "groundwork.dev")
"""Of the platform's own keys."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Whose objects these are."""

    environment: str
    """The stack's name."""
    owner: str
    """Who answers for the environment."""

    def __post_init__(self) -> None:
        label(self.environment, what="label groundwork.dev/environment")
        label(self.owner, what="label groundwork.dev/owner")

    def of(self, name: str, *, component: str, instance: str | None = None) -> dict[str, str]:
        """All labels of an object: `name` is the software's or workload's, `component` the object's role in it
        (server, bootstrap, training ...), `instance` which one of that name, when there can be several."""
        return {
            **selector(name, component=component, instance=instance),
            "app.kubernetes.io/part-of": PART_OF,
            "app.kubernetes.io/managed-by": "pulumi",
            "groundwork.dev/environment": self.environment,
            "groundwork.dev/owner": self.owner,
        }


def selector(name: str, *, component: str, instance: str | None = None) -> dict[str, str]:
    """The labels that pick an object's pods: they never change in its lifetime, unlike an owner."""
    return {
        "app.kubernetes.io/name": label(name, what="label app.kubernetes.io/name"),
        "app.kubernetes.io/instance": label(instance or name, what="label app.kubernetes.io/instance"),
        COMPONENT: label(component, what="label app.kubernetes.io/component"),
    }


def key_prefix(key: str) -> str:
    """Return the prefix of the key of a label, an annotation or a taint. Raise ValueError where it is no such key."""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _DOMAIN.fullmatch(prefix)):
        raise ValueError(
            f"{key!r} is no key: expected at most 63 letters, digits, dashes, dots and underscores, a letter or digit "
            "first and last; before it, if anything, a domain and a slash"
        )
    return prefix


def check_value(key: str, value: str) -> None:
    """Raise ValueError where a label or a taint can't have the value."""
    if value and not _NAME.fullmatch(value):
        raise ValueError(
            f"{key} has the value {value!r}: expected at most 63 letters, digits, dashes, dots and underscores, "
            "a letter or digit first and last"
        )

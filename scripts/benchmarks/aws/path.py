"""The longest path through what a stack depends on: no `up` can be quicker than what lies on it, one after another."""

from collections.abc import Mapping, Sequence
from typing import Any

State = Sequence[Mapping[str, Any]]
"""Resources, as `pulumi stack export` has them."""


def longest_path(resources: State, seconds: Mapping[str, float]) -> tuple[float, list[str]]:
    """Return the seconds of the longest path, and the names of those on it that take any, the first one first. seconds:
    by type; other types take none."""
    known: dict[str, tuple[float, list[str]]] = {}
    for each in resources:  # the engine writes what others depend on before them
        before = [known[urn] for urn in _before(each) if urn in known]
        length, names = max(before, key=lambda found: found[0], default=(0.0, list[str]()))
        own = seconds.get(each["type"], 0.0)
        name = f"{each['type'].rpartition(':')[2]} {each['urn'].rpartition('::')[2]}"
        known[each["urn"]] = (length + own, [*names, name] if own else names)
    return max(known.values(), key=lambda found: found[0], default=(0.0, list[str]()))


def _before(resource: Mapping[str, Any]) -> set[str]:
    provider = str(resource.get("provider") or "").rpartition("::")[0]
    return {*resource.get("dependencies", ()), *([provider] if provider else [])}

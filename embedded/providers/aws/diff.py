"""What a change of inputs means: AWS's schema says which cannot change in place."""

from typing import Any

from embedded.providers.base import Change, Object, has_unknown, reveal
from embedded.providers.base.values import is_list, is_object

from .convert import same
from .table import Entry, Node


def changes(entry: Entry, state: Object, old: Object, new: Object) -> dict[str, Change]:
    """state: outputs of the last run; old and new: checked inputs."""
    found: dict[str, Change] = {}
    nodes: dict[str, Node] = entry["inputs"]
    for name, node in nodes.items():
        one, other = reveal(old.get(name)), reveal(new.get(name))
        # AWS gave a value, or the program did once: without one, the resource keeps what it has.
        if other is None and node.get("computed") and name not in entry.get("defaults", {}):
            continue
        if name == "region":  # also where only the provider's own changed
            one = one or state.get("region") or other
        if has_unknown(other) or not same(node, one, other):
            found[name] = Change.UPDATE_REPLACE if _replaces(node, one, other) else Change.UPDATE
    if "tags" in entry and reveal(new.get("tagsAll") or {}) != reveal(state.get("tagsAll") or {}):
        found["tagsAll"] = Change.UPDATE
    return found


def _replaces(node: Node, one: Any, other: Any) -> bool:
    """Itself, or a part of it that differs and cannot change."""
    if node.get("replaces"):
        return True
    if is_object(one) and is_object(other):
        fields: dict[str, Node] = node.get("fields", {})
        return any(
            _replaces(inner, one.get(name), other.get(name))
            for name, inner in fields.items()
            if not same(inner, one.get(name), other.get(name))
        )
    if is_list(one) and is_list(other) and len(one) == len(other):
        inner: Node = node.get("items", {})
        return any(_replaces(inner, left, right) for left, right in zip(one, other, strict=True))
    return False

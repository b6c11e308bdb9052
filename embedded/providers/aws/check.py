"""Refuses inputs that AWS would refuse, by its own schemas and operations: each names its path, the value, what is
allowed."""

import difflib
import re
from typing import Any

from embedded.providers.base import UNKNOWN, CheckFailure, Object, Secret
from embedded.providers.base.values import is_list, is_object

from .table import Entry, Node

SHOWN = 12
"""Allowed values that a message lists; more fill a screen."""
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str, int, float, bool),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "map": (dict,),
    "json": (str, dict),
    "host": (str,),
}


def failures(entry: Entry, inputs: Object) -> list[CheckFailure]:
    """inputs: with their defaults; what a preview cannot know passes."""
    return _members(entry["inputs"], inputs, "")


def _members(nodes: dict[str, Node], values: Object, above: str) -> list[CheckFailure]:
    found: list[CheckFailure] = []
    for name, node in nodes.items():
        if node.get("required") and values.get(name) is None:
            found.append(_failure(f"{above}{name}", "missing; it is required"))
    for name, value in values.items():
        if value is None or (not above and name in {"tagsAll", "__defaults"}):
            continue
        if name not in nodes:
            close = difflib.get_close_matches(name, nodes, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            found.append(_failure(f"{above}{name}", f"no such input{hint}"))
        elif "refused" in nodes[name]:
            found.append(_failure(f"{above}{name}", f"not emulated: {nodes[name]['refused']}"))
        else:
            found += _value(nodes[name], value, f"{above}{name}")
    return found


def _value(node: Node, value: Any, path: str) -> list[CheckFailure]:
    if isinstance(value, Secret):
        # The text of a secret is in no message.
        return [_failure(path, "the secret value is not allowed here")] if _value(node, value.value, path) else []
    if value is UNKNOWN or value is None or node["type"] not in KINDS:
        return []
    if not isinstance(value, KINDS[node["type"]]) or (
        isinstance(value, bool) and node["type"] in {"integer", "number"}
    ):
        return _text_for_a_number(node, value, path)
    if is_list(value):
        return [*_length(node, value, path), *_items(node, value, path)]
    if is_object(value):
        return _members(node["fields"], value, f"{path}.") if node.get("fields") else []
    return _scalar(node, value, path)


def _text_for_a_number(node: Node, value: Any, path: str) -> list[CheckFailure]:
    """Programs may write numbers and booleans as text, as they may for the official provider."""
    if isinstance(value, str) and node["type"] in {"integer", "number"} and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return _scalar(node, float(value), path)
    if isinstance(value, str) and node["type"] == "boolean" and value in {"true", "false"}:
        return []
    return [_failure(path, f"{value!r} is {_a(type(value).__name__)}; expected {_a(node['type'])}")]


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def _items(node: Node, values: list[Any], path: str) -> list[CheckFailure]:
    inner: Node = node.get("items", {"type": "any"})
    return [failure for index, value in enumerate(values) for failure in _value(inner, value, f"{path}[{index}]")]


def _length(node: Node, values: list[Any], path: str) -> list[CheckFailure]:
    least, most = node.get("minItems", 0), node.get("maxItems", len(values))
    if least <= len(values) <= most:
        return []
    return [_failure(path, f"{len(values)} given; {_range(node, 'minItems', 'maxItems')} allowed")]


def _scalar(node: Node, value: Any, path: str) -> list[CheckFailure]:
    allowed: list[Any] = node.get("enum", [])
    if allowed and not _among(value, allowed):
        listed = ", ".join(map(str, allowed[:SHOWN])) + (", ..." if len(allowed) > SHOWN else "")
        return [_failure(path, f"{value!r} is not among {listed}")]
    if isinstance(value, int | float) and not isinstance(value, bool) and node["type"] != "string":
        if not node.get("minimum", value) <= value <= node.get("maximum", value):
            return [_failure(path, f"{value:g} is out of range; {_range(node, 'minimum', 'maximum')} allowed")]
        return []
    if not isinstance(value, str) or value == "":
        return []
    if not node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value)):
        return [
            _failure(path, f"{value!r} has {len(value)} characters; {_range(node, 'minLength', 'maxLength')} allowed")
        ]
    if "pattern" in node and not re.search(node["pattern"], value):
        return [_failure(path, f"{value!r} does not match {node['pattern']}")]
    return []


def _among(value: Any, allowed: list[Any]) -> bool:
    """By its text: numbers and booleans may be written as either."""
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return any(text == str(choice) for choice in allowed)


def _range(node: Node, low: str, high: str) -> str:
    if low in node and high in node:
        return f"{node[low]} to {node[high]}"
    return f"at least {node[low]}" if low in node else f"at most {node[high]}"


def _failure(path: str, reason: str) -> CheckFailure:
    return CheckFailure(f"{path}: {reason}", path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0])

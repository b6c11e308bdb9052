"""Values between a program's form and the API's, by the table's nodes."""

import datetime
import json
from typing import Any

from embedded.providers.base import Object
from embedded.providers.base.values import is_list, is_object

from .table import Node


def to_api(node: Node, value: Any) -> Any:
    if is_list(value):
        members = [to_api(node.get("items", {}), member) for member in value]
        return members[0] if node.get("single") and members else members
    if is_object(value):
        return _object_to_api(node, value)
    return _scalar(node.get("api_type", ""), value)


def _object_to_api(node: Node, value: Object) -> Any:
    if node["type"] == "json":
        return json.dumps(value)
    if node["type"] == "map":
        if "pairs" in node:
            key, content = node["pairs"]
            return [{key: name, content: member} for name, member in value.items()]
        return dict(value)
    fields: dict[str, Node] = node.get("fields", {})
    made = {
        fields[name]["api"]: to_api(fields[name], member)
        for name, member in value.items()
        if member is not None and "api" in fields.get(name, {})
    }
    return [made] if node.get("wrap") else made


def from_api(node: Node, value: Any) -> Any:
    """None where there is nothing."""
    kind: str = node.get("type", "")
    if kind == "json":
        return value if value is None or isinstance(value, str) else json.dumps(value)
    if kind == "object" and is_list(value):
        value = value[0] if value else None
    if is_object(value) and kind == "object":
        fields: dict[str, Node] = node.get("fields", {})
        found = {name: from_api(inner, value.get(inner.get("api", name))) for name, inner in fields.items()}
        return {name: member for name, member in found.items() if member is not None}
    if is_list(value) and kind == "map":
        key, content = node.get("pairs", ("Key", "Value"))
        return {member[key]: member[content] for member in value}
    if is_list(value) and kind == "array":
        return [from_api(node.get("items", {}), member) for member in value]
    return _scalar(kind, value) if kind else plain(value)


def plain(value: Any) -> Any:
    """An output that is no input: the API's own structure, its names as Pulumi writes them."""
    if is_object(value):
        return {name[:1].lower() + name[1:]: plain(member) for name, member in value.items() if member is not None}
    if is_list(value):
        return [plain(member) for member in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if kind == "integer" and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return plain(value)


def like(given: Any, found: Any) -> Any:
    """The part of what was found that a program gave: AWS adds members to a block, such as its VPC to its subnets."""
    if is_object(given) and is_object(found):
        return {name: like(value, found.get(name)) for name, value in given.items()}
    if is_list(given) and is_list(found) and len(given) == len(found):
        return [like(one, other) for one, other in zip(given, found, strict=True)]
    return found


def overlay(given: Any, found: Any) -> Any:
    """What was found, as the program spells it where it gave it."""
    if is_object(given) and is_object(found):
        return {**found, **{name: overlay(value, found.get(name)) for name, value in given.items()}}
    return given


def same(node: Node, one: Any, other: Any) -> bool:
    """Whether two values mean the same: documents by their content, sets in any order, nothing like empty."""
    return _normal(node, one) == _normal(node, other)


def _normal(node: Node, value: Any) -> Any:
    kind: str = node.get("type", "")
    if kind == "json":
        return _document(value)
    if kind == "host" and isinstance(value, str):
        return value.removeprefix("https://")
    if is_object(value):
        fields: dict[str, Node] = node.get("fields", {})
        found = {name: _normal(fields.get(name, {}), member) for name, member in value.items()}
        return {name: member for name, member in found.items() if member is not None} or None
    if is_list(value):
        members = [_normal(node.get("items", {}), member) for member in value]
        if node.get("unordered"):
            members.sort(key=lambda member: json.dumps(member, sort_keys=True, default=str))
        return members or None
    if value in ("", False):
        return None
    return _scalar("string", int(value) if isinstance(value, float) and value.is_integer() else value)


def _document(value: Any) -> Any:
    """A policy: a list of one is the same as its member, wherever IAM takes both."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return _unlisted(parsed)


def _unlisted(value: Any) -> Any:
    if is_object(value):
        return {name: _unlisted(member) for name, member in value.items()}
    if is_list(value):
        members = [_unlisted(member) for member in value]
        return members[0] if len(members) == 1 else sorted(members, key=lambda m: json.dumps(m, sort_keys=True))
    return value

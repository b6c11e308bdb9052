"""AWS's CloudFormation registry schemas, as cfn-lint's wheel has them (MIT-0)."""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REGION = "us-east-1"
CONSTRAINTS = ("enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")

Schema = dict[str, Any]


def schema_date() -> str:
    return json.loads((data() / "version.json").read_text())["schema_date"]


def load(name: str) -> Schema:
    """name: such as AWS::EC2::VPC."""
    return json.loads((data() / "resources" / f"{_region()[name]}.json").read_text())


def names() -> list[str]:
    return list(_region())


def plain(name: str) -> str:
    """A name without what spellings differ in."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def spellings(name: str) -> list[str]:
    """A name and its singular and plural: Pulumi names lists in the plural, and blocks of one in the singular."""
    base = plain(name)
    found = [base, base + "s", base + "list", base + "ids" if base.endswith("id") else base + "es"]
    if base.endswith("ies"):
        found.append(base[:-3] + "y")
    if base.endswith("s"):
        found += [base[:-1], base[:-1] + "set", base[:-1] + "list", base[:-2]]
    return found


def find(name: str, candidates: dict[str, Any], kind: str = "") -> str | None:
    """The candidate that a name means. kind: the type's own name, which APIs put before `name`, as in RoleName."""
    by_plain = {plain(candidate): candidate for candidate in candidates}
    for spelling in [*spellings(name), *([plain(kind) + plain(name)] if kind else [])]:
        if spelling in by_plain:
            return by_plain[spelling]
    return None


def follow(schema: Schema, node: Schema) -> Schema:
    """A property's schema, with its reference and its list followed."""
    while "$ref" in node:
        node = {
            **schema["definitions"][node["$ref"].rsplit("/", 1)[-1]],
            **{k: v for k, v in node.items() if k != "$ref"},
        }
    return node


def properties(schema: Schema, node: Schema) -> Schema:
    """Of an object, or of a list's or of alternatives' objects."""
    node = follow(schema, node)
    if node.get("type") == "array" or "items" in node:
        node = follow(schema, node.get("items", {}))
    found = dict(node.get("properties", {}))
    for alternative in [*node.get("oneOf", []), *node.get("anyOf", [])]:
        found.update(follow(schema, alternative).get("properties", {}))
    return found


def paths(schema: Schema, key: str) -> set[tuple[str, ...]]:
    """Paths that a keyword such as createOnlyProperties lists, without the marks for items of lists."""
    listed: list[str] = schema.get(key, [])
    return {tuple(part for part in path.split("/")[2:] if part not in {"*", "properties", "items"}) for path in listed}


def constraints(schema: Schema, node: Schema) -> Schema:
    """Those of a value, or of a list's own items under `items`. A pattern that Python can't read is left out."""
    node = follow(schema, node)
    return {key: node[key] for key in CONSTRAINTS if key in node and not (key == "pattern" and not readable(node[key]))}


def readable(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def data() -> Path:
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("cfn-lint is not installed: uv sync --group aws --group emulation --group aws-table")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"


@cache
def _region() -> dict[str, str]:
    return json.loads((data() / "providers" / f"{REGION}.json").read_text())

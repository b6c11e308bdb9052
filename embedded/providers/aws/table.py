"""The generated table: what each type's inputs are, what a change of one means, and which operations carry it out."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from embedded.providers.base import ProviderError

Node = dict[str, Any]
"""A value's description: its type, constraints, name in the API, fields and items. scripts/aws_table writes it."""
Entry = dict[str, Any]

TABLE = Path(__file__).parent / "table"
RECORDED = Path(__file__).parent / "recorded"


@cache
def entries() -> dict[str, Entry]:
    """By type token, such as aws:ec2/vpc:Vpc."""
    found: dict[str, Entry] = {}
    for file in sorted(TABLE.glob("*.json")):
        found.update(json.loads(file.read_text())["types"])
    return found


@cache
def recorded(module: str) -> dict[str, Entry]:
    """Types of a module of the SDK that nothing emulates, by token."""
    file = RECORDED / f"{module}.json"
    found: dict[str, Entry] = json.loads(file.read_text()) if file.exists() else {}
    for entry in found.values():
        names = [*entry["inputs"], *entry["outputs"]]
        entry.update(recorded=entry["outputs"], updates=[], outputs={name: name for name in names if name != "tags"})
        if "tags" in entry["inputs"]:
            entry["tags"] = {}
    return found


def entry_of(token: str) -> Entry:
    if token in entries():
        return entries()[token]
    module = token.removeprefix("aws:").partition("/")[0]
    if token in recorded(module):
        return recorded(module)[token]
    raise ProviderError(f"pulumi_aws has no type {token}")

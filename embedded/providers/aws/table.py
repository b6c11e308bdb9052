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


@cache
def entries() -> dict[str, Entry]:
    """By type token, such as aws:ec2/vpc:Vpc."""
    found: dict[str, Entry] = {}
    for file in sorted(TABLE.glob("*.json")):
        found.update(json.loads(file.read_text())["types"])
    return found


def entry_of(token: str) -> Entry:
    if token not in entries():
        raise ProviderError(
            f"{token} is not emulated; the official plugin has it. Emulated are {', '.join(sorted(entries()))}"
        )
    return entries()[token]

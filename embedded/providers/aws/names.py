"""Names that a program leaves out: the resource's own name and a few characters, as of the official provider."""

import hashlib
import json
from typing import Any

from embedded.providers.base import Object, Resource, has_unknown, reveal

from .table import Entry

CHARACTERS = 7


class Names:
    """Deterministic, so that a run after a crash asks for what the one before it made."""

    def __init__(self) -> None:
        self._current: dict[str, str] = {}

    def fill(self, resource: Resource, entry: Entry, inputs: Object) -> None:
        """Adds the name where the type has one and the inputs have none. A name is kept while the resource lives."""
        declared: Object = entry.get("name", {})
        name: str = declared.get("property", "")
        if not name or inputs.get(name) is not None:
            return
        if declared.get("exact"):
            inputs[name] = resource.name
            return
        start = inputs.get(declared.get("prefix", "namePrefix"))
        beginning = start if isinstance(start, str) else f"{declared.get('start', '')}{resource.name}-"
        last: Any = resource.last.get(name)
        if isinstance(last, str) and last.startswith(beginning):
            self._current[resource.urn] = last
            inputs[name] = last
            return
        made = self._make(resource.urn, beginning, entry, inputs, declared["most"])
        if self._current.get(resource.urn) == made:  # it replaces one that has this very name
            made = self._make(f"{resource.urn} again", beginning, entry, inputs, declared["most"])
        inputs[name] = made

    def _make(self, urn: str, beginning: str, entry: Entry, inputs: Object, most: int) -> str:
        fixed = {
            n: reveal(v) for n, v in inputs.items() if entry["inputs"].get(n, {}).get("replaces") and not has_unknown(v)
        }
        digest = hashlib.sha256(json.dumps([urn, fixed], sort_keys=True).encode()).hexdigest()
        made = beginning[: most - CHARACTERS] + digest[:CHARACTERS]
        return made.lower() if entry["name"].get("lower") else made

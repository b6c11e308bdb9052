"""What a program itself waits for: the annotation `pulumi.com/waitFor`.

A text, or a JSON list of texts that must all hold: `condition=TYPE[=STATUS]`, as `kubectl wait` has it, or
`jsonpath={PATH}[=VALUE]`. Of JSONPath: names, indices, `[*]`, and filters that compare a field with a text.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embedded.providers.base import Object, is_list, is_object, items

from ..manifest import WAIT_FOR, annotations
from .verdict import READY, Verdict, status, waiting

JSONPATH = re.compile(r"jsonpath=\{\s*(?P<path>[^{}]*?)\s*\}(?:=(?P<value>.+))?", re.DOTALL)
STEP = re.compile(
    r"""\.(?P<name>[\w-]+|\*)
    | \[\s*(?P<index>-?\d+|\*)\s*\]
    | \[\s*(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\s*\]
    | \[\s*\?\(?\s*@\.(?P<field>[\w-]+)\s*==\s*(?P<mark>['"])(?P<text>[^'"]*)(?P=mark)\s*\)?\s*\]""",
    re.VERBOSE,
)
Step = Callable[[Any], list[Any]]
FORMS = "condition=TYPE[=STATUS], jsonpath={.path}[=VALUE], or a JSON list of these"


class Malformed(Exception):
    """An expression that can't be followed, and why."""


@dataclass(frozen=True)
class Condition:
    """One expression. examine: what a look at the object says."""

    text: str
    examine: Callable[[Object], Verdict]


def conditions_of(manifest: Object) -> list[Condition]:
    """Empty where the object has no such annotation. Raises Malformed."""
    given = annotations(manifest).get(WAIT_FOR)
    return [_condition(text) for text in _texts(given)] if isinstance(given, str) and given else []


def examine_all(conditions: list[Condition], live: Object) -> Verdict:
    missing = [verdict.why for condition in conditions if not (verdict := condition.examine(live)).done]
    return waiting("; ".join(missing)) if missing else READY


def _texts(given: str) -> list[str]:
    if not given.lstrip().startswith("["):
        return [given]
    try:
        found: Any = json.loads(given)
    except ValueError as error:
        raise Malformed(f"{given!r} is no JSON list ({error})") from None
    if not is_list(found) or not found or not all(isinstance(text, str) for text in found):
        raise Malformed(f"{given!r} must be a list of at least one text")
    return found


def _condition(text: str) -> Condition:
    if text.startswith("condition="):
        kind, _, wanted = text.removeprefix("condition=").partition("=")
        if not kind:
            raise Malformed(f"{text!r} names no condition; allowed are {FORMS}")
        return Condition(text, lambda live: _holds(live, kind, wanted or "True"))
    found = JSONPATH.fullmatch(text)
    if found is None:
        raise Malformed(f"{text!r} is none of the known forms; allowed are {FORMS}")
    steps, path, value = _steps(found["path"]), found["path"], found["value"]
    return Condition(text, lambda live: _selects(live, steps, path, value))


def _holds(live: Object, kind: str, wanted: str) -> Verdict:
    for entry in items(live, "status", "conditions"):
        if str(entry.get("type")).lower() != kind.lower():
            continue
        seen = entry.get("observedGeneration", status(live).get("observedGeneration"))
        if seen is not None and seen < live["metadata"].get("generation", 0):
            return waiting(f"the condition {kind} is about an earlier version")
        now = str(entry.get("status"))
        return READY if now.lower() == wanted.lower() else waiting(f"the condition {kind} is {now}, not {wanted}")
    return waiting(f"there is no condition {kind} yet")


def _selects(live: Object, steps: list[Step], path: str, wanted: str | None) -> Verdict:
    found: list[Any] = [live]
    for step in steps:
        found = [member for value in found for member in step(value)]
    if not found:
        return waiting(f"{path} selects nothing yet")
    now = found[0] if isinstance(found[0], str) else json.dumps(found[0])
    return READY if wanted is None or now == wanted else waiting(f"{path} is {now}, not {wanted}")


def _steps(path: str) -> list[Step]:
    rest = path.removeprefix("$")
    steps: list[Step] = []
    while rest:
        found = STEP.match(rest)
        if found is None:
            raise Malformed(
                f"JSONPath {path!r}: {rest!r} is not offered by this stand-in; allowed are .name, ['name'], [0], [*] "
                "and [?(@.name=='text')]"
            )
        steps.append(_step(found))
        rest = rest[found.end() :]
    if not steps:
        raise Malformed(f"JSONPath {path!r} selects nothing in particular")
    return steps


def _step(found: re.Match[str]) -> Step:
    name, index = found["name"] or found["quoted"], found["index"]
    if "*" in (found["name"], index):
        return _members
    if name:
        return lambda value: [value[name]] if is_object(value) and name in value else []
    if index:
        number = int(index)
        return lambda value: value[number : number + 1 or None] if is_list(value) else []
    field, text = found["field"], found["text"]
    return lambda value: [entry for entry in _members(value) if is_object(entry) and entry.get(field) == text]


def _members(value: Any) -> list[Any]:
    return list(value.values()) if is_object(value) else list(value) if is_list(value) else []

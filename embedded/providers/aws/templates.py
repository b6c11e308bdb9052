"""Fills the parameters that the table declares, and finds outputs in answers.

In a parameter, "$name" is a property of the resource, or one of id, region, account, partition; "$old:name" its last
value, where it changes; "$added:name" and "$removed:name" what a list gains and loses; "$item:Name" what was read just
before; "$$" a plain dollar. Where there is no value, there is no parameter.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import jmespath

from embedded.providers.base.values import is_list, is_object

MISSING = object()
Lookup = Callable[[str], Any]
"""Name, with its prefix -> the value in the API's form, or MISSING."""


def fill(template: Any, lookup: Lookup) -> Any:
    if isinstance(template, str):
        if template.startswith("$$"):
            return template[1:]
        return lookup(template[1:]) if template.startswith("$") else template
    if is_object(template):
        found = {key: fill(value, lookup) for key, value in template.items()}
        kept = {key: value for key, value in found.items() if value is not MISSING}
        return kept if kept or not template else MISSING
    if is_list(template):
        members = [fill(value, lookup) for value in template]
        kept_members = [value for value in members if value is not MISSING]
        return kept_members if kept_members or not template else MISSING
    return template


def text(template: str, lookup: Lookup) -> str:
    """A text with the values of the names in it."""

    def replaced(found: re.Match[str]) -> str:
        value = lookup(found[1])
        return "" if value is MISSING else str(value)

    return re.sub(r"\$(\w+)", replaced, template)


def search(expression: str, document: Any, lookup: Lookup) -> Any:
    """expression: JMESPath, with $names in it."""
    return _compiled(text(expression, lookup)).search(document)


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)

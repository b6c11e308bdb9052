"""What policies of IAM allow. Pure functions of their documents."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedded.providers.base.values import is_list, is_object

Context = Mapping[str, Sequence[str]]
"""Values by condition key, such as s3:prefix: those that a request has."""
Fields = Mapping[str, Any]


def allowed(documents: Sequence[Fields], action: str, resource: str | None, context: Context | None) -> bool:
    """Whether policies of an identity allow an action. Whatever one denies, no other allows.

    resource: its ARN; None where nobody knows which one it is: a policy of any of them is enough then. context: None
    where nobody knows it: what is allowed on a condition is allowed, what is denied on one is not denied."""
    permitted = False
    for statement in (each for document in documents for each in statements(document)):
        if not (_concerns(statement, action) and (resource is None or _covers(statement, resource))):
            continue
        denies = statement["Effect"] == "Deny"
        holds = not denies if context is None else _holds(statement, context)
        if denies and (holds or not statement.get("Condition")):
            return False
        permitted = permitted or (holds and not denies)
    return permitted


def trusted(document: Fields, action: str, provider: str, context: Context) -> bool:
    """Whether the trust policy of a role lets somebody assume it whom an identity provider vouches for. provider: its
    ARN."""
    mine = [
        each
        for each in statements(document)
        if _matches(_list(each, "Action"), action)
        and provider in _list(each.get("Principal", {}), "Federated")
        and _holds(each, context)
    ]
    return bool(mine) and all(each["Effect"] == "Allow" for each in mine)


def statements(document: Fields) -> Iterator[Fields]:
    found: Any = document["Statement"]
    yield from found if is_list(found) else [found]


def _concerns(statement: Fields, action: str) -> bool:
    if "NotAction" in statement:
        return not _matches(_list(statement, "NotAction"), action)
    return _matches(_list(statement, "Action"), action)


def _covers(statement: Fields, resource: str) -> bool:
    if "NotResource" in statement:
        return not _matches(_list(statement, "NotResource"), resource, exact=True)
    return _matches(_list(statement, "Resource"), resource, exact=True)


def _holds(statement: Fields, context: Context) -> bool:
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition") or {}
    return all(
        _condition(operator, _list(by_key, key), context.get(key))
        for operator, by_key in conditions.items()
        for key in by_key
    )


def _condition(operator: str, requested: Sequence[str], values: Sequence[str] | None) -> bool:
    """One of a kind that nobody here knows does not hold."""
    name = operator.rpartition(":")[2]
    optional, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    if name == "Null":
        return all((values is None) == (each.lower() == "true") for each in requested)
    negative, name = "Not" in name, name.replace("Not", "")
    if name not in {"StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnEquals", "ArnLike", "Bool"}:
        return False
    if values is None:
        return optional or negative
    plain = name == "StringEquals"
    exact = name not in {"StringEqualsIgnoreCase", "Bool"}
    hits = [value in requested if plain else _matches(requested, value, exact=exact) for value in values]
    found = all(hits) if operator.startswith("ForAllValues:") else any(hits)
    return found != negative


def _matches(patterns: Sequence[str], text: str, *, exact: bool = False) -> bool:
    """exact: whether letters count as they are written."""
    flags = re.DOTALL if exact else re.DOTALL | re.IGNORECASE
    return any(re.fullmatch(_expression(pattern), text, flags) for pattern in patterns)


def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _list(fields: Any, name: str) -> Sequence[str]:
    """A field that holds one text or several; none where there is no such field."""
    found: Any = fields.get(name, []) if is_object(fields) else []
    values = found if is_list(found) else [found]
    return [str(value).lower() if isinstance(value, bool) else value for value in values]

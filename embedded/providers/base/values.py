"""Pulumi's property values as plain Python ones.

Objects are dicts, arrays lists, numbers ints where integral. Three kinds of value have no JSON form: `Secret` wraps
what must stay encrypted in the state, UNKNOWN stands for what a preview cannot know, and assets and archives stay
the dicts that the engine sends. json_format would do half of this, at ten times the cost.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from google.protobuf.struct_pb2 import ListValue, Struct, Value

Object = dict[str, Any]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_SENTINELS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class _Unknown:
    """A value that will be known only when its resource exists."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted in the state and shown as [secret]."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


def decode(struct: Struct) -> Object:
    """The Python form of a message's properties."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if len(text) == 36 and text in UNKNOWN_SENTINELS else text
    if kind == "struct_value":
        found = {key: _decode(member) for key, member in value.struct_value.fields.items()}
        return _special(found) if SIGNATURE in found else found
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "list_value":
        return [_decode(member) for member in value.list_value.values]
    return value.bool_value if kind == "bool_value" else None


def _special(found: Object) -> Any:
    signature = found[SIGNATURE]
    if signature == SECRET:
        return Secret(found.get("value"))
    if signature == OUTPUT:
        value = found.get("value", UNKNOWN)
        return Secret(value) if found.get("secret") else value
    if signature == RESOURCE:
        return found.get("id") or found.get("urn")
    return found


def encode(values: Object) -> Struct:
    """The message form of properties. None stays null."""
    struct = Struct()
    _fill(struct, values)
    return struct


def _fill(struct: Struct, values: Object) -> None:
    fields = struct.fields
    for key, value in values.items():
        _set(fields[key], value)


def _set(target: Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif is_object(value):
        target.struct_value.SetInParent()
        _fill(target.struct_value, value)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif is_list(value):
        _set_list(target.list_value, value)
    elif value is None:
        target.null_value = 0  # pyright: ignore[reportAttributeAccessIssue]
    elif isinstance(value, Secret):
        target.struct_value.fields[SIGNATURE].string_value = SECRET
        _set(target.struct_value.fields["value"], value.value)
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    else:
        raise TypeError(f"no property value: {type(value).__name__}")


def _set_list(target: ListValue, values: list[Any]) -> None:
    target.SetInParent()
    for value in values:
        _set(target.values.add(), value)


def is_object(value: Any) -> TypeGuard[Object]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def reveal(value: Any) -> Any:
    """A copy without Secret wrappers."""
    if is_object(value):
        return {key: reveal(member) for key, member in value.items()}
    if is_list(value):
        return [reveal(member) for member in value]
    return reveal(value.value) if isinstance(value, Secret) else value


def has_unknown(value: Any) -> bool:
    if is_object(value):
        return any(map(has_unknown, value.values()))
    if is_list(value):
        return any(map(has_unknown, value))
    return has_unknown(value.value) if isinstance(value, Secret) else value is UNKNOWN

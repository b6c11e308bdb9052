"""Property values through the protocol's messages."""

from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from embedded.providers.base import UNKNOWN, Object, Secret, has_unknown, reveal
from embedded.providers.base.values import OUTPUT, RESOURCE, SIGNATURE, UNKNOWN_STRING, decode, encode

PLAIN: Object = {
    "text": "ä",
    "number": 1.5,
    "whole": 7,
    "yes": True,
    "no": False,
    "nothing": None,
    "list": [1, "a", [], {}],
    "object": {"deep": {"er": [None]}},
    "empty": {},
}


def test_plain_values_come_back_as_they_were() -> None:
    assert decode(encode(PLAIN)) == PLAIN


def test_the_message_is_what_the_library_would_make() -> None:
    expected = Struct()
    json_format.ParseDict(PLAIN, expected)
    assert encode(PLAIN) == expected


def test_whole_numbers_are_integers() -> None:
    assert isinstance(decode(encode({"a": 3.0}))["a"], int)


def test_secrets_and_unknowns_come_back() -> None:
    values: Object = {"a": Secret({"b": [1]}), "c": [Secret("d")], "e": UNKNOWN, "f": {"g": UNKNOWN}}
    back = decode(encode(values))
    assert back == values
    assert back["e"] is UNKNOWN


def test_an_unknown_of_another_kind_is_unknown() -> None:
    struct = Struct()
    struct["a"] = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
    struct["b"] = "04da6b54-80e4-46f7-96ec-b56ff0331bxx"
    back = decode(struct)
    assert back["a"] is UNKNOWN
    assert back["b"] != UNKNOWN_STRING


def test_outputs_and_references_become_their_values() -> None:
    struct = Struct()
    struct["known"] = {SIGNATURE: OUTPUT, "value": "x", "secret": True}
    struct["pending"] = {SIGNATURE: OUTPUT}
    struct["reference"] = {SIGNATURE: RESOURCE, "urn": "urn:x", "id": "the-id"}
    assert decode(struct) == {"known": Secret("x"), "pending": UNKNOWN, "reference": "the-id"}


def test_assets_stay_as_they_are() -> None:
    asset = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "hello", "hash": "abc"}
    assert decode(encode({"a": asset})) == {"a": asset}


def test_what_is_no_property_value_is_refused() -> None:
    with pytest.raises(TypeError, match="no property value: object"):
        encode({"a": object()})


def test_a_secret_does_not_show_itself() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


def test_reveal_takes_secrets_off_at_any_depth() -> None:
    assert reveal({"a": Secret({"b": [Secret(1)]})}) == {"a": {"b": [1]}}


@pytest.mark.parametrize("value", [UNKNOWN, [UNKNOWN], {"a": [{"b": UNKNOWN}]}, Secret([UNKNOWN])])
def test_unknown_is_found_at_any_depth(value: Any) -> None:
    assert has_unknown(value)
    assert not has_unknown({"a": [1, Secret("x")]})

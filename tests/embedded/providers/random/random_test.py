"""pulumi_random's resources."""

import re
import string
import uuid
from typing import Any

import bcrypt
import pytest

from embedded.providers.base import UNKNOWN, ProviderError, Resource, Secret, reveal
from embedded.providers.random.kinds import KINDS
from embedded.providers.random.provider import Random

RANDOM = Random()


def resource(kind: str) -> Resource:
    token = f"random:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Resource(f"urn:pulumi:s::p::{token}::x", token, "x")


def make(kind: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    checked = RANDOM.check(resource(kind), inputs)
    assert not checked.failures
    made = RANDOM.create(resource(kind), checked.inputs, preview=False)
    return made.id, made.properties


def drawn(kind: str, **inputs: Any) -> Any:
    return reveal(make(kind, **inputs)[1])


EXAMPLES: dict[str, dict[str, Any]] = {
    "RandomPassword": {"length": 16},
    "RandomString": {"length": 16},
    "RandomId": {"byteLength": 8},
    "RandomBytes": {"length": 8},
    "RandomInteger": {"min": 0, "max": 10**9},
    "RandomUuid": {},
    "RandomUuid4": {},
    "RandomUuid7": {},
    "RandomPet": {"length": 3},
    "RandomShuffle": {"inputs": [str(number) for number in range(50)]},
}


def test_every_kind_is_tried() -> None:
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_two_draws_differ_and_unchanged_inputs_show_no_difference(kind: str) -> None:
    first, second = make(kind, **EXAMPLES[kind]), make(kind, **EXAMPLES[kind])
    assert reveal(first) != reveal(second)
    inputs = RANDOM.check(resource(kind), EXAMPLES[kind]).inputs
    assert RANDOM.diff(resource(kind), first[1], inputs, inputs).changes == {}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_changed_keeper_draws_again(kind: str) -> None:
    old, new = {**EXAMPLES[kind], "keepers": {"a": "1"}}, {**EXAMPLES[kind], "keepers": {"a": "2"}}
    assert RANDOM.diff(resource(kind), {}, old, new).replaces == ["keepers"]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_preview_draws_nothing(kind: str) -> None:
    inputs = RANDOM.check(resource(kind), EXAMPLES[kind]).inputs
    shown = RANDOM.create(resource(kind), inputs, preview=True).properties
    assert all(shown[name] is UNKNOWN for name in KINDS[kind].outputs)


def test_passwords_and_bytes_are_secret() -> None:
    assert isinstance(make("RandomPassword", length=9)[1]["result"], Secret)
    assert isinstance(make("RandomBytes", length=9)[1]["hex"], Secret)
    assert make("RandomPassword", length=9)[0] == "none"


def test_a_password_has_its_length_and_minima() -> None:
    result = drawn("RandomPassword", length=12, minLower=3, minUpper=3, minNumeric=3, minSpecial=3)["result"]
    assert len(result) == 12
    for letters in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        assert sum(letter in letters for letter in result) == 3


def test_a_password_uses_only_what_is_allowed() -> None:
    result = drawn("RandomPassword", length=200, special=False, upper=False)["result"]
    assert set(result) <= set(string.ascii_lowercase + string.digits)
    special = drawn("RandomPassword", length=50, lower=False, upper=False, numeric=False, overrideSpecial="_-")
    assert set(special["result"]) == {"_", "-"}


def test_the_bcrypt_hash_is_the_passwords() -> None:
    found = drawn("RandomPassword", length=100)
    assert bcrypt.checkpw(found["result"].encode()[:72], found["bcryptHash"].encode())


@pytest.mark.parametrize(
    ("kind", "inputs", "words"),
    [
        ("RandomPassword", {"length": 3, "minLower": 2, "minUpper": 2}, "length is 3; at least 4"),
        ("RandomString", {"length": 0}, "length is 0; at least 1"),
        ("RandomString", {"length": 5, "lower": False, "upper": False, "numeric": False, "special": False}, "none of"),
        ("RandomId", {"byteLength": 0}, "byteLength is 0"),
        ("RandomInteger", {"min": 5, "max": 4}, r"min \(5\) must not exceed max \(4\)"),
    ],
)
def test_impossible_inputs_are_refused(kind: str, inputs: dict[str, Any], words: str) -> None:
    failures = RANDOM.check(resource(kind), inputs).failures
    assert len(failures) == 1

    assert re.search(words, failures[0].reason)


def test_the_forms_of_an_id_are_of_one_number() -> None:
    id, found = make("RandomId", byteLength=4, prefix="p-")
    assert found["hex"].startswith("p-")
    assert int(found["hex"][2:], 16) == int(found["dec"][2:])
    assert found["b64Url"] == f"p-{id}"


def test_an_integer_lies_within_its_bounds_and_a_seed_repeats_it() -> None:
    assert drawn("RandomInteger", min=3, max=3)["result"] == 3
    assert drawn("RandomInteger", min=0, max=10**9, seed="s") == drawn("RandomInteger", min=0, max=10**9, seed="s")


def test_uuids_are_of_their_version() -> None:
    assert uuid.UUID(drawn("RandomUuid")["result"]).version == 4
    seven = uuid.UUID(drawn("RandomUuid7")["result"])
    assert seven.version == 7
    assert seven.variant == uuid.RFC_4122


def test_a_pet_has_its_words() -> None:
    assert len(make("RandomPet", length=2)[0].split("-")) == 2
    assert len(make("RandomPet", length=4, separator=".", prefix="p")[0].split(".")) == 5
    assert make("RandomPet", length=1)[0].count("-") == 0


def test_a_shuffle_holds_the_inputs() -> None:
    assert sorted(drawn("RandomShuffle", inputs=["a", "b", "c"])["results"]) == ["a", "b", "c"]
    assert len(drawn("RandomShuffle", inputs=["a", "b", "c"], resultCount=7)["results"]) == 7
    assert drawn("RandomShuffle", inputs=[], resultCount=2)["results"] == []


@pytest.mark.parametrize(
    ("kind", "id", "outputs"),
    [
        ("RandomPassword", "given", {"result": "given", "length": 5}),
        ("RandomString", "given", {"result": "given", "length": 5}),
        ("RandomUuid", "0c5ff6d8-3f0f-4bcd-b3a4-5a1a2ccd1c6f", {"result": "0c5ff6d8-3f0f-4bcd-b3a4-5a1a2ccd1c6f"}),
        ("RandomInteger", "5,1,9", {"result": 5, "min": 1, "max": 9}),
        ("RandomId", "p,AQI", {"hex": "p0102", "byteLength": 2}),
    ],
)
def test_an_import_takes_over_what_was_drawn_elsewhere(kind: str, id: str, outputs: dict[str, Any]) -> None:
    found = RANDOM.read(resource(kind), id, {}, {})
    assert found is not None
    assert outputs.items() <= reveal(found.properties).items()


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(ProviderError, match=r"this stand-in knows .*RandomPassword"):
        RANDOM.create(resource("RandomNoise"), {}, preview=False)

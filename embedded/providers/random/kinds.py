"""How each kind of random value is drawn. Pure but for the operating system's randomness."""

import base64
import random
import secrets
import string
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from embedded.providers.base import Object

from .words import ADJECTIVES, ADVERBS, ANIMALS

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The official provider's default set."""
BCRYPT_BYTES = 72
"""bcrypt reads no more; like the official provider, what is longer is hashed by its beginning."""

CLASSES = (
    ("lower", "minLower", string.ascii_lowercase),
    ("upper", "minUpper", string.ascii_uppercase),
    ("numeric", "minNumeric", string.digits),
    ("special", "minSpecial", SPECIAL),
)


@dataclass(frozen=True)
class Kind:
    """draw: inputs -> id, outputs. adopt: an import's id -> id, inputs, outputs. refused: why inputs can't be."""

    outputs: tuple[str, ...]
    draw: Callable[[Object], tuple[str, Object]]
    secret: bool = False
    defaults: Object = field(default_factory=dict[str, Any])
    refused: Callable[[Object], str] = lambda _: ""
    adopt: Callable[[str], tuple[str, Object, Object]] | None = None


def generator(seed: str | None) -> random.Random:
    """Repeatable for a seed; the operating system's randomness without one."""
    return random.Random(seed) if seed else secrets.SystemRandom()


def draw_characters(inputs: Object) -> str:
    """A string with at least the asked number of each class, in random order."""
    source = secrets.SystemRandom()
    drawn: list[str] = []
    allowed = ""
    for enabled, minimum, letters in CLASSES:
        chosen: str = (inputs.get("overrideSpecial") or letters) if enabled == "special" else letters
        if inputs[enabled]:
            allowed += chosen
        drawn += [source.choice(chosen) for _ in range(inputs[minimum])]
    drawn += [source.choice(allowed) for _ in range(inputs["length"] - len(drawn))]
    source.shuffle(drawn)
    return "".join(drawn)


def refuse_characters(inputs: Object) -> str:
    least = sum(inputs[minimum] for _, minimum, _ in CLASSES)
    if inputs["length"] < max(1, least):
        return f"length is {inputs['length']}; at least {max(1, least)} (1, and the sum of the minima) is needed"
    if not any(inputs[enabled] for enabled, _, _ in CLASSES):
        return "none of lower, upper, numeric, special is true; at least one must be"
    return ""


def draw_password(inputs: Object) -> tuple[str, Object]:
    password = draw_characters(inputs)
    return "none", {"result": password, "bcryptHash": bcrypt_hash(password)}


def bcrypt_hash(password: str) -> str:
    import bcrypt  # late: most programs draw no password

    return bcrypt.hashpw(password.encode()[:BCRYPT_BYTES], bcrypt.gensalt(10, b"2a")).decode()


def adopt_password(id: str) -> tuple[str, Object, Object]:
    return "none", {"length": len(id)}, {"result": id, "bcryptHash": bcrypt_hash(id)}


def draw_string(inputs: Object) -> tuple[str, Object]:
    drawn = draw_characters(inputs)
    return drawn, {"result": drawn}


def forms_of(raw: bytes, prefix: str) -> tuple[str, Object]:
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    forms: Object = {
        "b64Url": prefix + url,
        "b64Std": prefix + base64.b64encode(raw).decode(),
        "hex": prefix + raw.hex(),
        "dec": prefix + str(int.from_bytes(raw)),
    }
    return url, forms


def draw_id(inputs: Object) -> tuple[str, Object]:
    return forms_of(secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix") or "")


def adopt_id(id: str) -> tuple[str, Object, Object]:
    prefix, _, url = id.rpartition(",")
    raw = base64.urlsafe_b64decode(url + "=" * (-len(url) % 4))
    url, forms = forms_of(raw, prefix)
    return url, {"byteLength": len(raw), **({"prefix": prefix} if prefix else {})}, forms


def draw_bytes(inputs: Object) -> tuple[str, Object]:
    raw = secrets.token_bytes(inputs["length"])
    return "none", {"base64": base64.b64encode(raw).decode(), "hex": raw.hex()}


def draw_integer(inputs: Object) -> tuple[str, Object]:
    drawn = generator(inputs.get("seed")).randint(inputs["min"], inputs["max"])
    return str(drawn), {"result": drawn}


def refuse_integer(inputs: Object) -> str:
    return f"min ({inputs['min']}) must not exceed max ({inputs['max']})" if inputs["min"] > inputs["max"] else ""


def adopt_integer(id: str) -> tuple[str, Object, Object]:
    result, low, high, *seed = id.split(",")
    inputs = {"min": int(low), "max": int(high), **({"seed": seed[0]} if seed else {})}
    return result, inputs, {"result": int(result)}


def draw_uuid(inputs: Object) -> tuple[str, Object]:
    del inputs
    drawn = str(uuid.uuid4())
    return drawn, {"result": drawn}


def draw_uuid7(inputs: Object) -> tuple[str, Object]:
    """RFC 9562: 48 bits of milliseconds, then randomness, so that they sort by time."""
    del inputs
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6) + secrets.token_bytes(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    drawn = str(uuid.UUID(bytes=bytes(raw)))
    return drawn, {"result": drawn}


def adopt_uuid(id: str) -> tuple[str, Object, Object]:
    return id, {}, {"result": id}


def draw_pet(inputs: Object) -> tuple[str, Object]:
    lists = [ADVERBS] * max(0, inputs["length"] - 2) + [ADJECTIVES] * (inputs["length"] > 1) + [ANIMALS]
    words = [secrets.choice(words) for words in lists]
    if inputs.get("prefix"):
        words.insert(0, inputs["prefix"])
    return inputs["separator"].join(words), {}


def draw_shuffle(inputs: Object) -> tuple[str, Object]:
    source, given = generator(inputs.get("seed")), list[str](inputs["inputs"])
    count: int = inputs["resultCount"] if inputs.get("resultCount") is not None else len(given)
    drawn: list[str] = []
    while given and len(drawn) < count:  # a count above the number of inputs goes round again
        drawn += source.sample(given, len(given))
    return "-", {"results": drawn[:count]}


def at_least_one(name: str) -> Callable[[Object], str]:
    return lambda inputs: f"{name} is {inputs[name]}; at least 1 is needed" if inputs[name] < 1 else ""


CHARACTERS: Object = {
    **{enabled: True for enabled, _, _ in CLASSES},
    **{minimum: 0 for _, minimum, _ in CLASSES},
}

KINDS = {
    "RandomPassword": Kind(
        ("result", "bcryptHash"), draw_password, True, CHARACTERS, refuse_characters, adopt_password
    ),
    "RandomString": Kind(
        ("result",),
        draw_string,
        False,
        CHARACTERS,
        refuse_characters,
        lambda id: (id, {"length": len(id)}, {"result": id}),
    ),
    "RandomId": Kind(("b64Url", "b64Std", "hex", "dec"), draw_id, refused=at_least_one("byteLength"), adopt=adopt_id),
    "RandomBytes": Kind(("base64", "hex"), draw_bytes, True, refused=at_least_one("length")),
    "RandomInteger": Kind(("result",), draw_integer, refused=refuse_integer, adopt=adopt_integer),
    "RandomUuid": Kind(("result",), draw_uuid, adopt=adopt_uuid),
    "RandomUuid4": Kind(("result",), draw_uuid, adopt=adopt_uuid),
    "RandomUuid7": Kind(("result",), draw_uuid7, adopt=adopt_uuid),
    "RandomPet": Kind((), draw_pet, defaults={"length": 2, "separator": "-"}, refused=at_least_one("length")),
    "RandomShuffle": Kind(("results",), draw_shuffle),
}

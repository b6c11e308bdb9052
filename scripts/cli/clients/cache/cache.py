"""Content by digest, and signed names for it, in a store that nobody needs to trust."""

import hashlib
import json
import os
import tempfile
from base64 import b64decode, b64encode
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modules.core.errors import UserError
from scripts.cli.output import note
from workloads.signing import is_signed

from .signing import TRUSTED_VARIABLE, signing_key, trusted_keys
from .stores import VARIABLE, Store, Unreachable, open_store


class Cache:
    """An `Artifacts` in a store. Layout: `blobs/sha256/<hex>`, and `names/<name>.json` with digest and signature."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: Store = open_store(address)

    @cached_property
    def trusted(self) -> list[Ed25519PublicKey]:
        return trusted_keys()

    @cached_property
    def key(self) -> Ed25519PrivateKey:
        return signing_key()

    def find(self, name: str) -> str | None:
        text = self.files.read(_name_path(name))
        if text is None:
            return None
        try:
            document = json.loads(text)
            digest, signature = str(document["digest"]), b64decode(document["signature"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            raise self._refusal(_name_path(name), "is not as `groundwork cache push` writes it") from error
        if not is_signed(_statement(name, digest), signature, self.trusted):
            raise self._refusal(
                _name_path(name), f"is signed by nobody whom you trust: {TRUSTED_VARIABLE} names files of public keys"
            )
        return digest

    def fetch(self, digest: str, target: Path) -> bool:
        if not self.files.download(_blob_path(digest), target):
            return False
        if digest_of(target) != digest:
            target.unlink()
            raise self._refusal(_blob_path(digest), "has another content than its digest says")
        return True

    def has(self, digest: str) -> bool:
        return self.files.has(_blob_path(digest))

    def store(self, source: Path) -> str:
        digest = digest_of(source)
        if not self.has(digest):
            self.files.upload(_blob_path(digest), source)
        return digest

    def sign(self, name: str, digest: str) -> None:
        signature = b64encode(self.key.sign(_statement(name, digest))).decode()
        with tempfile.NamedTemporaryFile("w") as file:
            json.dump({"digest": digest, "signature": signature}, file)
            file.flush()
            self.files.upload(_name_path(name), Path(file.name))

    def _refusal(self, path: str, why: str) -> UserError:
        return UserError(
            f"{VARIABLE}: {self.address}: {path} {why}. Nothing of it was used. Find out who wrote it; "
            f"unset {VARIABLE} to build here instead"
        )


def configured() -> Cache | None:
    """Return the cache that GROUNDWORK_CACHE names; None where it names none. Raise Unreachable where it does not
    answer, UserError where it is no address, or nobody is trusted."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return None
    cache = Cache(address)
    _ = cache.trusted
    cache.files.has("names")
    return cache


def available() -> Cache | None:
    """Return the configured cache. One that does not answer delays a run, but does not stop it."""
    try:
        return configured()
    except Unreachable as error:
        note(f"{error}\nBuilding here instead.")
        return None


def digest_of(path: Path) -> str:
    """Return a file's digest, as sha256:<64 hex digits>."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _statement(name: str, digest: str) -> bytes:
    """What is signed: a name too, so that nobody puts one artifact in the place of another."""
    return f"groundwork artifact\n{name}\n{digest}\n".encode()


def _name_path(name: str) -> str:
    return f"names/{name}.json"


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"

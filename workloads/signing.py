"""Which models a workload may serve: those that its training signed.

Training has the private key; the model server, the check before a release and the machine that releases have the public
one. Runs inside both images.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from workloads.artifacts import digest_of

if TYPE_CHECKING:  # not in the serving image, which only verifies
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE = "groundwork.signature"
"""Tag of a run and of a model version."""


KEY_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""Before the 32 bytes of any Ed25519 key in a SubjectPublicKeyInfo (RFC 8410)."""


class NotTrustedError(Exception):
    """A model that was not signed, or is elsewhere than models may be; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a training says of a model that it has made. All digests are sha256:<64 hex digits>."""

    model: str
    """Name in the model registry."""
    uri: str
    """Where the model's files are: s3://bucket/key."""
    digest: str
    """Of those files."""
    run: str
    """The MLflow run that made the model."""
    data_digest: str
    image_digest: str
    """Of the training image."""
    config_digest: str
    """Of the training document, which names the data set, the seed and what is held out."""

    @property
    def message(self) -> bytes:
        """The bytes that are signed: what they are of, and one spelling of the statement."""
        return b"groundwork model\n" + json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What is believed of the models of one workload."""

    public_key: str
    """PEM text of the key by which its training signs."""
    root: str
    """Address below which its model files are."""

    def require(self, statement: Statement, signature: str) -> None:
        """Raise NotTrustedError unless training signed this very statement, and the files are below the root."""
        if not signature:
            raise NotTrustedError(
                "it is not signed: no training of this environment registered it, or one before trainings signed"
            )
        if not _verified(statement.message, _decoded(signature), self.public_key):
            raise NotTrustedError(
                "its signature is not the training's: another key signed it, or its model, address, digest, run, data, "
                "image or configuration are not those that were signed"
            )
        below = statement.uri.removeprefix(f"{self.root.rstrip('/')}/")
        if below == statement.uri or {"", ".", ".."} & set(below.split("/")):
            raise NotTrustedError(f"its files are at {statement.uri}, allowed is what lies below {self.root}")

    def holds(self, statement: Statement, signature: str) -> bool:
        """Return whether `require` has nothing against it."""
        try:
            self.require(statement, signature)
        except NotTrustedError:
            return False
        return True


def statement_of(model: str, run: str, tags: Mapping[str, str]) -> Statement:
    """Return what the tags of a run, or of a model version, say; what is missing is empty."""
    return Statement(
        model=model,
        uri=tags.get("groundwork.uri", ""),
        digest=tags.get("groundwork.digest", ""),
        run=run,
        data_digest=tags.get("groundwork.data_digest", ""),
        image_digest=tags.get("groundwork.image_digest", ""),
        config_digest=digest_of(tags.get("groundwork.config", "").encode()),
    )


def sign(key: "Ed25519PrivateKey", statement: Statement) -> str:
    """Return the signature in Base64."""
    return b64encode(key.sign(statement.message)).decode()


def is_signed(message: bytes, signature: bytes, keys: "Sequence[Ed25519PublicKey]") -> bool:
    """Return whether one of these keys signed the message."""
    from cryptography.exceptions import InvalidSignature

    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def private_key(pem: bytes) -> "Ed25519PrivateKey":
    """Read an Ed25519 key. Raise ValueError for anything else, which says what it is."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (TypeError, ValueError) as error:
        raise ValueError("no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a key of another kind than Ed25519")
    return key


def public_key(pem: bytes) -> "Ed25519PublicKey":
    """Read the public half of an Ed25519 key. Raise ValueError for anything else, which says what it is."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise ValueError("no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a key of another kind than Ed25519")
    return key


def public_pem(key: "Ed25519PrivateKey") -> str:
    """Return a key's public half, as openssl reads it."""
    from cryptography.hazmat.primitives import serialization

    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _verified(message: bytes, signature: bytes, pem: str) -> bool:
    """Return whether the key in this PEM text signed the message. Raise ValueError for a key of another kind.

    By libsodium: the model server's image has no room for cryptography, which is ten times its size.
    """
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    lines = [line for line in pem.split("\n") if line and not line.startswith("-----")]
    key = _decoded("".join(lines))
    if len(key) != len(KEY_PREFIX) + 32 or not key.startswith(KEY_PREFIX):
        raise ValueError("the public key is no Ed25519 key in PEM")
    try:
        VerifyKey(key.removeprefix(KEY_PREFIX)).verify(message, signature)
    except (CryptoError, ValueError):  # ValueError: of another length than a signature
        return False
    return True


def _decoded(signature: str) -> bytes:
    """The bytes of a signature in Base64; none of another text, which no key has signed."""
    try:
        return b64decode(signature, validate=True)
    except ValueError:
        return b""

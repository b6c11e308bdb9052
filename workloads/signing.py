"""Which models a workload may serve: those that its training signed.

Training has the private key; the model server, the check before a release and the machine that releases have the public
one. Runs inside both images.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from workloads.artifacts import digest_of

SIGNATURE = "groundwork.signature"
"""Tag of a run and of a model version."""


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
        if not is_signed(statement.message, _decoded(signature), [public_key(self.public_key.encode())]):
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


def sign(key: Ed25519PrivateKey, statement: Statement) -> str:
    """Return the signature in Base64."""
    return b64encode(key.sign(statement.message)).decode()


def is_signed(message: bytes, signature: bytes, keys: Sequence[Ed25519PublicKey]) -> bool:
    """Return whether one of these keys signed the message."""
    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Read an Ed25519 key. Raise ValueError for anything else, which says what it is."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (TypeError, ValueError) as error:
        raise ValueError("no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a key of another kind than Ed25519")
    return key


def public_key(pem: bytes) -> Ed25519PublicKey:
    """Read the public half of an Ed25519 key. Raise ValueError for anything else, which says what it is."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise ValueError("no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a key of another kind than Ed25519")
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """Return a key's public half, as openssl reads it."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _decoded(signature: str) -> bytes:
    """The bytes of a signature in Base64; none of another text, which no key has signed."""
    try:
        return b64decode(signature, validate=True)
    except ValueError:
        return b""

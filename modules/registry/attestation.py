"""Signed statements about images: in-toto statements in Sigstore bundles, as `cosign verify-attestation` reads them."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
"""What the statement says of its subject: an SBOM."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement whose signature was verified."""

    predicate: Any
    """What is said of the image: its SBOM."""
    key: str
    """Fingerprint of the key that signed: SHA-256 of its DER, 64 hex digits."""


def sign(name: str, digest: str, predicate: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the bundle of a statement about one image. predicate: an SBOM, as JSON."""
    subject = {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
    statement = {"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": CYCLONEDX}
    payload = json.dumps({**statement, "predicate": json.loads(predicate)}, sort_keys=True).encode()
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": b64encode(payload).decode(),
        "signatures": [{"sig": b64encode(key.sign(_encoded(payload))).decode()}],
    }
    material = {"publicKey": {"hint": fingerprint(key.public_key())}}
    bundle = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(bundle, sort_keys=True).encode()


def verify(bundle: bytes, digest: str, keys: Sequence[Ed25519PublicKey]) -> Statement:
    """Return what a statement says of the image of this digest.

    Raise ValueError, with the reason, where none of the keys signed it, or where it is about something else.
    """
    try:
        envelope = json.loads(bundle)["dsseEnvelope"]
        payload = b64decode(envelope["payload"], validate=True)
        signatures = [b64decode(each["sig"], validate=True) for each in envelope["signatures"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("its signature is no Sigstore bundle") from error
    key = _signer(_encoded(payload), signatures, keys)
    if key is None:
        raise ValueError("no key that is trusted here signed it")
    statement = json.loads(payload)
    if statement["predicateType"] != CYCLONEDX:
        raise ValueError(f"it is signed as {statement['predicateType']}, not as {CYCLONEDX}")
    if digest.removeprefix("sha256:") not in {each["digest"].get("sha256") for each in statement["subject"]}:
        raise ValueError("it was signed for another image")
    return Statement(predicate=statement["predicate"], key=fingerprint(key))


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return what a key goes by: SHA-256 of its DER."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _encoded(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding, so that a signature holds for this type of payload only."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _signer(message: bytes, signatures: Sequence[bytes], keys: Sequence[Ed25519PublicKey]) -> Ed25519PublicKey | None:
    for key in keys:
        for signature in signatures:
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return key
    return None

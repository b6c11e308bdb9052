import json
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from modules.registry.attestation import fingerprint, sign, verify
from modules.registry.images import sha256

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
DIGEST = sha256(b"manifest")
SBOM = {"bomFormat": "CycloneDX"}


def signed(key: Ed25519PrivateKey = KEY, digest: str = DIGEST) -> bytes:
    return sign("one", digest, json.dumps(SBOM).encode(), key)


def changed(**statement: object) -> bytes:
    """A bundle whose statement was changed after it was signed."""
    bundle: Any = json.loads(signed())
    payload = {**json.loads(b64decode(bundle["dsseEnvelope"]["payload"])), **statement}
    bundle["dsseEnvelope"]["payload"] = b64encode(json.dumps(payload, sort_keys=True).encode()).decode()
    return json.dumps(bundle).encode()


def test_what_a_trusted_key_signed_is_accepted() -> None:
    found = verify(signed(), DIGEST, [STRANGER.public_key(), KEY.public_key()])
    assert found.predicate == SBOM
    assert found.key == fingerprint(KEY.public_key())


@pytest.mark.parametrize(
    ("bundle", "reason"),
    [
        (signed(STRANGER), "no key that is trusted here signed it"),
        (changed(predicate={}), "no key that is trusted here signed it"),
        (changed(subject=[]), "no key that is trusted here signed it"),
        (signed(digest=sha256(b"another")), "it was signed for another image"),
        (b"", "no Sigstore bundle"),
        (b"[]", "no Sigstore bundle"),
        (b'{"dsseEnvelope": {"payload": "!", "signatures": []}}', "no Sigstore bundle"),
        (signed().replace(b'"signatures": [{', b'"signatures": [], "x": [{'), "no key that is trusted here signed it"),
    ],
)
def test_anything_else_is_refused_with_the_reason(bundle: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        verify(bundle, DIGEST, [KEY.public_key()])


def test_openssl_verifies_the_signature_too(tmp_path: Path) -> None:
    envelope = json.loads(signed())["dsseEnvelope"]
    payload, kind = b64decode(envelope["payload"]), envelope["payloadType"]
    (tmp_path / "message").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
    (tmp_path / "signature").write_bytes(b64decode(envelope["signatures"][0]["sig"]))
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub.pem").write_bytes(pem)
    verify_command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", "key.pub.pem"]
    done = subprocess.run(
        [*verify_command, "-in", "message", "-sigfile", "signature"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0

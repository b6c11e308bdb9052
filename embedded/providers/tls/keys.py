"""Private keys, and the forms in which a key is shown."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from embedded.providers.base import Object, ProviderError

from .asked import CURVES

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def make_key(algorithm: str, bits: int, curve: str) -> Key:
    if algorithm == "RSA":
        return rsa.generate_private_key(65537, bits)
    if algorithm == "ECDSA":
        return ec.generate_private_key(getattr(ec, CURVES[curve])())
    return ed25519.Ed25519PrivateKey.generate()


def load_key(text: str) -> Key:
    """From PEM (PKCS#1, SEC1, PKCS#8) or OpenSSH's form; anything else is refused."""
    raw = text.encode()
    try:
        key: Any = load_ssh_private_key(raw, None) if "OPENSSH" in text else load_pem_private_key(raw, None)
    except ValueError as error:
        raise ProviderError(f"private key: neither PEM nor OpenSSH ({error})") from None
    if not isinstance(key, Key):
        raise ProviderError(f"private key: {type(key).__name__} is none of RSA, ECDSA, ED25519")
    return key


def algorithm_of(key: Key) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def private_forms(key: Key) -> Object:
    classic = PrivateFormat.PKCS8 if isinstance(key, ed25519.Ed25519PrivateKey) else PrivateFormat.TraditionalOpenSSL
    forms = {
        "privateKeyPem": classic,
        "privateKeyPemPkcs8": PrivateFormat.PKCS8,
        "privateKeyOpenssh": PrivateFormat.OpenSSH,
    }
    if _has_no_ssh_form(key):
        del forms["privateKeyOpenssh"]
    texts: Object = {
        name: key.private_bytes(Encoding.PEM, form, NoEncryption()).decode() for name, form in forms.items()
    }
    return {"privateKeyOpenssh": "", **texts}


def public_forms(key: Key) -> Object:
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    if _has_no_ssh_form(key):
        empty = dict.fromkeys(("publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"), "")
        return {"publicKeyPem": pem, **empty}
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    blob = base64.b64decode(ssh.split()[1])
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {
        "publicKeyPem": pem,
        "publicKeyOpenssh": ssh.decode() + "\n",
        "publicKeyFingerprintMd5": hashlib.md5(blob, usedforsecurity=False).digest().hex(":"),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }


def _has_no_ssh_form(key: Key) -> bool:
    """OpenSSH knows no P-224."""
    return isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp224r1"

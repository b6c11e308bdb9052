"""Who may fill a cache, make a bundle or sign SBOMs: Ed25519 keys in PEM files, as `openssl genpkey -algorithm ed25519`
makes."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from modules.core.errors import UserError
from modules.core.paths import config_home
from scripts.cli.files import create
from workloads import signing
from workloads.signing import public_pem

KEY_VARIABLE = "GROUNDWORK_SIGNING_KEY"
TRUSTED_VARIABLE = "GROUNDWORK_TRUSTED_KEYS"
ADVICE = "`openssl genpkey -algorithm ed25519 -out FILE` makes one"


def signing_key() -> Ed25519PrivateKey:
    """Return the private key that GROUNDWORK_SIGNING_KEY names, or this person's own, made when it is first needed.

    Raise UserError where the file is missing or holds no such key.
    """
    if named := os.environ.get(KEY_VARIABLE):
        return _private(Path(named), KEY_VARIABLE)
    path = config_home() / "signing-key.pem"
    if not path.exists():
        _make(path)
    key = _private(path, str(path))
    create(own_public_key(), public_pem(key), 0o644)
    return key


def own_public_key() -> Path:
    """Return where the public half of this person's own key is: what others name in GROUNDWORK_TRUSTED_KEYS."""
    return config_home() / "signing-key.pub.pem"


def trusted_keys() -> list[Ed25519PublicKey]:
    """Return the public keys of the files that GROUNDWORK_TRUSTED_KEYS lists, or this person's own.

    Raise UserError where there is none, or a file holds no such key.
    """
    if named := os.environ.get(TRUSTED_VARIABLE):
        return [_public(Path(path)) for path in named.split(os.pathsep) if path]
    if own_public_key().exists():
        return [_public(own_public_key())]
    raise UserError(
        f"{TRUSTED_VARIABLE}: not set, and {own_public_key()} does not exist: what comes from a cache or a bundle must "
        f"be signed by somebody you trust. Get the public key (signing-key.pub.pem) of whoever fills it, and name its "
        "file; several are separated by a colon"
    )


def known_keys() -> list[Ed25519PublicKey]:
    """Return the public keys that are trusted, and that of this person's own key, which signs what is made here.

    Raise UserError where there is none, or a file holds no such key.
    """
    has_own = bool(os.environ.get(KEY_VARIABLE)) or own_public_key().exists()
    named = trusted_keys() if os.environ.get(TRUSTED_VARIABLE) or not has_own else []
    return [*named, *([signing_key().public_key()] if has_own else [])]


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    create(path, text.decode(), 0o600)


def _private(path: Path, where: str) -> Ed25519PrivateKey:
    try:
        return signing.private_key(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{where}: {path} can't be read ({error.strerror}): expected a file of a private key"
        ) from error
    except ValueError as error:
        raise UserError(f"{where}: {path} is {error}: {ADVICE}") from error


def _public(path: Path) -> Ed25519PublicKey:
    try:
        return signing.public_key(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{TRUSTED_VARIABLE}: {path} can't be read ({error.strerror}): expected a file of a public key"
        ) from error
    except ValueError as error:
        raise UserError(f"{TRUSTED_VARIABLE}: {path} is {error}") from error

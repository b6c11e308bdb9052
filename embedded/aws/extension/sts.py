"""STS: a role is assumed by a token of a service account only where the cluster signed it and the role trusts it."""

import base64
import binascii
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.responses import TokenResponse

from embedded.aws.policy import trusted

from . import eks_planes

ACTION = "sts:AssumeRoleWithWebIdentity"
Claims = dict[str, Any]


def load() -> None:
    plain: Any = TokenResponse.assume_role_with_web_identity

    def assume_role_with_web_identity(self: Any) -> Any:
        check(self.current_account, self._get_param("RoleArn"), self._get_param("WebIdentityToken") or "")
        return plain(self)

    TokenResponse.assume_role_with_web_identity = assume_role_with_web_identity


def check(account: str, role: str, token: str) -> None:
    """Raise what STS answers where a token does not let its holder have a role."""
    claims, signed, signature = parts(token)
    issuer = str(claims.get("iss", ""))
    backend: Any = iam_backends[account]["aws"]
    known: Any = next((each for each in backend.open_id_providers.values() if f"https://{each.url}" == issuer), None)
    if known is None:
        raise STSClientError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    if not any(verified(key, signed, signature) for key in keys(account, issuer)):
        raise STSClientError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    if claims["exp"] < time.time():
        raise STSClientError("ExpiredTokenException", "Token expired")
    audiences: list[str] = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
    if not set(audiences) & set(known.client_id_list):
        raise STSClientError("InvalidIdentityToken", "Incorrect token audience")
    context = {f"{known.url}:sub": [str(claims["sub"])], f"{known.url}:aud": audiences}
    found: Any = next((each for each in backend.roles.values() if each.arn == role), None)
    if found is None or not trusted(json.loads(found.assume_role_policy_document), ACTION, known.arn, context):
        raise STSClientError("AccessDenied", f"Not authorized to perform {ACTION}")


def parts(token: str) -> tuple[Claims, bytes, bytes]:
    """Return the claims of a JSON web token, what is signed of it, and the signature."""
    signed, _, signature = token.rpartition(".")
    try:
        claims: Any = json.loads(_decoded(signed.split(".")[1]))
        return claims, signed.encode(), _decoded(signature)
    except (IndexError, ValueError, binascii.Error):
        raise STSClientError("InvalidIdentityToken", "The token is no JSON web token") from None


def keys(account: str, issuer: str) -> Iterator[Path]:
    """Yield the public keys of the clusters that have an issuer, which run."""
    for backend in eks_backends[account].values():
        for cluster in backend.clusters.values():
            clusters = eks_planes.clusters_of(cluster)
            if clusters and cluster.identity["oidc"]["issuer"] == issuer:
                yield clusters.of(cluster.arn).layout.pki / "service-account.pub"


def verified(key: Path, signed: bytes, signature: bytes) -> bool:
    """Whether a cluster signed something with its key, by RS256, as the tokens of its service accounts are."""
    public = load_pem_public_key(key.read_bytes())
    assert isinstance(public, rsa.RSAPublicKey)
    try:
        public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}")

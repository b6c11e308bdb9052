"""Users of a bare cluster, and kubeconfigs with which they come."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from embedded.cluster import Cluster

NEVER_BEFORE = timedelta(days=30)


def signed(name: str, cluster: Cluster, *, days: int = 1, own_authority: bool = False) -> dict[str, str]:
    """Return the login of a user by a client certificate. days: until it expires. own_authority: not the cluster's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signer = subject, key
    if not own_authority:
        issuer = x509.load_pem_x509_certificate(cluster.layout.certificate("ca").read_bytes()).subject
        signer = serialization.load_pem_private_key(cluster.layout.key("ca").read_bytes(), None)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - NEVER_BEFORE)
        .not_valid_after(now + timedelta(days=days))
        .sign(signer, hashes.SHA256())  # pyright: ignore[reportArgumentType] # the cluster's key is of such a kind
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "client-certificate-data": _text(certificate.public_bytes(serialization.Encoding.PEM)),
        "client-key-data": _text(private),
    }


def kubeconfig(
    cluster: Cluster,
    path: Path,
    *,
    user: dict[str, Any] | None = None,
    admin: bool = False,
    server: str | None = None,
    authority: str | None = None,
) -> Path:
    """Write the cluster's kubeconfig with another way to log in (beside the admin's own: `admin`), another address, or
    another CA certificate."""
    document: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    if user is not None:
        document["users"][0]["user"] = {**(document["users"][0]["user"] if admin else {}), **user}
    if server is not None:
        document["clusters"][0]["cluster"]["server"] = server
    if authority is not None:
        document["clusters"][0]["cluster"]["certificate-authority-data"] = authority
    path.write_text(yaml.safe_dump(document))
    return path


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()

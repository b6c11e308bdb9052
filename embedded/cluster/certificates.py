"""The cluster's own certificate authority and the certificates it signs.

`python -m embedded.cluster.certificates SPEC` renews those of a running cluster that come near their end.
"""

import datetime
import ipaddress
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from modules.core.errors import UserError

from .layout import ADMINS, FRONT_PROXY, METRICS_HOST, Layout
from .network import Network
from .spec import ClusterSpec

CA_DAYS = 3650
LEAF_DAYS = 825
RENEW_DAYS = 90
"""A certificate with fewer days left is made anew, at a start and while the cluster runs."""

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A certificate that the authority signs: with `hosts` for a server, without for a client."""

    name: str
    """Of its files."""
    user: str
    groups: Sequence[str] = ()
    hosts: Sequence[str] = ()
    """DNS names and addresses."""


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: Key


def leaves(cluster: str, network: Network) -> list[Leaf]:
    """Every certificate of a cluster. Kubernetes gives users and groups their permissions by these names."""
    node = str(network.node)
    service = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        str(network.api_service),
    ]
    return [
        Leaf(name="kube-apiserver", user="kube-apiserver", hosts=[*service, node, "localhost", "127.0.0.1"]),
        Leaf(name="kubelet-client", user="groundwork:kube-apiserver"),
        Leaf(name="kubelet-server", user=f"system:node:{cluster}", groups=["system:nodes"], hosts=[cluster, node]),
        Leaf(name="kubelet", user=f"system:node:{cluster}", groups=["system:nodes"]),
        Leaf(name="kube-controller-manager", user="system:kube-controller-manager"),
        Leaf(name="kube-controller-manager-tls", user="kube-controller-manager", hosts=["localhost", "127.0.0.1"]),
        Leaf(name="kube-scheduler", user="system:kube-scheduler"),
        Leaf(name="kube-scheduler-tls", user="kube-scheduler", hosts=["localhost", "127.0.0.1"]),
        Leaf(name="kube-proxy", user="system:kube-proxy"),
        Leaf(name="coredns", user="groundwork:coredns"),
        Leaf(name="kube-router", user="groundwork:kube-router"),
        Leaf(name="kwok", user="groundwork:kwok"),
        Leaf(name="metrics-server", user="groundwork:metrics-server"),
        Leaf(name="metrics-server-tls", user="metrics-server", hosts=[METRICS_HOST, node]),
        Leaf(name="front-proxy", user=FRONT_PROXY),
        Leaf(name="forwarder", user="groundwork:forwarder"),
        # Whom no role has to let in; the administrator's rights are a binding, which can be taken away.
        Leaf(name="supervisor", user="groundwork:supervisor", groups=["system:masters"]),
        Leaf(name="admin", user="groundwork:admin", groups=[ADMINS]),
        Leaf(name="registry", user="registry", hosts=[node, "localhost", "127.0.0.1"]),
    ]


def ensure(layout: Layout, cluster: str, network: Network, now: datetime.datetime | None = None) -> None:
    """Makes what is missing, near its end or for other hosts: authority, certificates, and the service accounts' key.

    A new authority means new certificates throughout.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    authority = _read_authority(layout, now) or _new_authority(layout, cluster, now)
    for leaf in leaves(cluster, network):
        if not _good(layout.certificate(leaf.name), leaf, authority, now):
            _sign(layout, leaf, authority, now)
    if not layout.key("service-account").exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(layout.pki / "service-account.pub", _public_pem(key.public_key()))
        write_private(layout.key("service-account"), _private_pem(key))


def ensure_authority(layout: Layout, name: str) -> None:
    """Make an authority where there is none, or only one near its end: for certificates of other things than a
    cluster's parts. layout: of a folder of its own. name: of who signs."""
    layout.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.datetime.now(datetime.UTC)
    if _read_authority(layout, now) is None:
        _new_authority(layout, name, now)


def issue(
    layout: Layout, name: str, *, valid: datetime.timedelta, groups: Sequence[str] = (), hosts: Sequence[str] = ()
) -> tuple[str, str]:
    """Return a certificate and its key, PEM, that are written nowhere. name, groups: of a client. hosts: DNS names and
    addresses of a server.

    UserError where there is no authority yet, or one that is about to end."""
    now = datetime.datetime.now(datetime.UTC)
    authority = _read_authority(layout, now)
    if authority is None:
        raise UserError(f"certificates: no authority in {layout.pki} signs: start the cluster first")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = Leaf(name="", user=name, groups=groups, hosts=hosts)
    certificate = _certificate(leaf, authority, key.public_key(), now, valid)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), _private_pem(key).decode()


def write_private(path: Path, content: bytes) -> None:
    """Puts a file in place that only its owner may read, and never a part of it."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.replace(path)


def _read_authority(layout: Layout, now: datetime.datetime) -> Authority | None:
    try:
        certificate = x509.load_pem_x509_certificate(layout.certificate("ca").read_bytes())
        key = serialization.load_pem_private_key(layout.key("ca").read_bytes(), None)
    except (OSError, ValueError):
        return None
    if not isinstance(key, Key) or key.public_key() != certificate.public_key() or _ends_soon(certificate, now):
        return None
    return Authority(certificate, key)


def _new_authority(layout: Layout, owner: str, now: datetime.datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{owner} authority")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(name, name, key.public_key(), now, datetime.timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(layout.key("ca"), _private_pem(key))
    write_private(layout.certificate("ca"), certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(certificate, key)


def _sign(layout: Layout, leaf: Leaf, authority: Authority, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(leaf, authority, key.public_key(), now, datetime.timedelta(days=LEAF_DAYS))
    write_private(layout.key(leaf.name), _private_pem(key))
    write_private(layout.certificate(leaf.name), certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(
    leaf: Leaf,
    authority: Authority,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    valid: datetime.timedelta,
) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.SERVER_AUTH if leaf.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(_subject(leaf), authority.certificate.subject, key, now, valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if leaf.hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(leaf.hosts)), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _good(path: Path, leaf: Leaf, authority: Authority, now: datetime.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # unreadable, of another authority, signed by another key: all the same here
        return False
    return (
        certificate.subject == _subject(leaf)
        and _hosts(certificate) == {str(name.value) for name in _alternatives(leaf.hosts)}
        and not _ends_soon(certificate, now)
    )


def _hosts(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def _ends_soon(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    return certificate.not_valid_after_utc - now < datetime.timedelta(days=RENEW_DAYS)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    valid: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks that differ a little
        .not_valid_after(now + valid)
    )


def _subject(leaf: Leaf) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, leaf.user)])


def _alternatives(hosts: Iterable[str]) -> list[x509.DNSName | x509.IPAddress]:
    def name(host: str) -> x509.DNSName | x509.IPAddress:
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    return [name(host) for host in hosts]


def _private_pem(key: Key | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def main(spec_file: Path) -> None:
    spec = ClusterSpec.from_json(spec_file.read_text())
    ensure(Layout(spec.state_dir), spec.name, spec.addresses)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

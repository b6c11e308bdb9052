"""Certificates and requests, made as the official provider makes them."""

import datetime
import ipaddress
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from embedded.providers.base import Object, ProviderError

from .asked import EXTENDED_USAGES, KEY_USAGES
from .keys import Key, algorithm_of, load_key

SUBJECT = {
    "commonName": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "country": NameOID.COUNTRY_NAME,
    "postalCode": NameOID.POSTAL_CODE,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


def self_signed(inputs: Object) -> Object:
    key = load_key(inputs["privateKeyPem"])
    name = _name(inputs.get("subject") or {})
    builder = _dated(inputs).subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = _extended(builder, inputs, _alternatives(inputs))
    if inputs.get("setSubjectKeyId") or inputs.get("isCaCertificate"):
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if inputs.get("setAuthorityKeyId"):
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False)
    return {"keyAlgorithm": algorithm_of(key), **_shown(builder.sign(key, _hash(key)))}


def locally_signed(inputs: Object) -> Object:
    """Refuses a request whose own signature is wrong, and an authority's key that is not its certificate's."""
    request = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    authority = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
    key = load_key(inputs["caPrivateKeyPem"])
    if not request.is_signature_valid:
        raise ProviderError("certRequestPem: the request's signature does not fit its key")
    if key.public_key() != authority.public_key():
        raise ProviderError("caPrivateKeyPem: not the private key of caCertPem")
    builder = _dated(inputs).subject_name(request.subject).issuer_name(authority.subject)
    builder = builder.public_key(request.public_key())
    builder = _extended(builder, inputs, _requested_alternatives(request))
    if inputs.get("setSubjectKeyId") or inputs.get("isCaCertificate"):
        own = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
        builder = builder.add_extension(own, critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    return {"caKeyAlgorithm": algorithm_of(key), **_shown(builder.sign(key, _hash(key)))}


def request(inputs: Object) -> Object:
    key = load_key(inputs["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(inputs.get("subject") or {}))
    if alternatives := _alternatives(inputs):
        builder = builder.add_extension(alternatives, critical=False)
    signed = builder.sign(key, _hash(key))
    return {"keyAlgorithm": algorithm_of(key), "certRequestPem": signed.public_bytes(Encoding.PEM).decode()}


def _hash(key: Key) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _name(subject: Object) -> x509.Name:
    attributes: list[x509.NameAttribute[str]] = []
    for key, oid in SUBJECT.items():
        given: Any = subject.get(key) or []
        values: list[str] = [given] if isinstance(given, str) else given
        attributes += [x509.NameAttribute(oid, value) for value in values]
    return x509.Name(attributes)


def _alternatives(inputs: Object) -> x509.SubjectAlternativeName | None:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in inputs.get("dnsNames") or ()]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in inputs.get("ipAddresses") or ()]
    names += [x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris") or ()]
    return x509.SubjectAlternativeName(names) if names else None


def _requested_alternatives(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _dated(inputs: Object) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    end = now + datetime.timedelta(hours=inputs["validityPeriodHours"])
    serial = x509.random_serial_number()
    return x509.CertificateBuilder().serial_number(serial).not_valid_before(now).not_valid_after(end)


def _extended(
    builder: x509.CertificateBuilder, inputs: Object, alternatives: x509.SubjectAlternativeName | None
) -> x509.CertificateBuilder:
    uses: list[str] = inputs.get("allowedUses") or []
    flags = dict.fromkeys(KEY_USAGES.values(), False)
    flags.update({KEY_USAGES[use]: True for use in uses if use in KEY_USAGES})
    if any(flags.values()):
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    if extended := [ObjectIdentifier(EXTENDED_USAGES[use]) for use in uses if use in EXTENDED_USAGES]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    authority = bool(inputs.get("isCaCertificate"))
    longest = inputs.get("maxPathLength") if authority else None
    longest = None if longest is None or longest < 0 else longest
    builder = builder.add_extension(x509.BasicConstraints(authority, longest), critical=True)
    return builder.add_extension(alternatives, critical=False) if alternatives else builder


def _shown(certificate: x509.Certificate) -> Object:
    return {
        "certPem": certificate.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validityEndTime": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readyForRenewal": False,
    }

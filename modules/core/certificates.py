"""The certificate of a server of ours, and an authority of its own that it is of."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_tls as tls

from .component import Component

AUTHORITY_HOURS = 10 * 365 * 24
SERVER_HOURS, RENEWAL_HOURS = 365 * 24, 30 * 24
"""Browsers refuse certificates of more than 398 days. A run within the last month makes a new one."""
INTERNAL_HOURS, INTERNAL_RENEWAL_HOURS = 5 * 365 * 24, 365 * 24
"""Of what no browser looks at: whoever applies the stack once a year never has one that ran out."""


def certificates(
    owner: Component,
    *,
    names: Sequence[str],
    authority: str,
    addresses: Sequence[str] = (),
    hours: int = SERVER_HOURS,
    renewal_hours: int = RENEWAL_HOURS,
) -> Mapping[str, pulumi.Output[str]]:
    """Return PEM texts: ca.crt, tls.crt and tls.key of a server with these DNS names and IP addresses.

    authority: its common name. hours: the certificate's validity, before whose last `renewal_hours` no run replaces it.
    """
    authority_key = tls.PrivateKey(
        f"{owner.name}-authority-key", algorithm="ECDSA", ecdsa_curve="P256", opts=owner.child()
    )
    ca_certificate = tls.SelfSignedCert(
        f"{owner.name}-authority",
        private_key_pem=authority_key.private_key_pem,
        subject=tls.SelfSignedCertSubjectArgs(common_name=authority, organization="Groundwork"),
        is_ca_certificate=True,
        validity_period_hours=AUTHORITY_HOURS,
        allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
        opts=owner.child(),
    )
    key = tls.PrivateKey(f"{owner.name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=owner.child())
    request = tls.CertRequest(
        f"{owner.name}-request",
        private_key_pem=key.private_key_pem,
        subject=tls.CertRequestSubjectArgs(common_name=names[0], organization="Groundwork"),
        dns_names=list(names),
        ip_addresses=list(addresses),
        opts=owner.child(),
    )
    certificate = tls.LocallySignedCert(
        f"{owner.name}-certificate",
        cert_request_pem=request.cert_request_pem,
        ca_private_key_pem=authority_key.private_key_pem,
        ca_cert_pem=ca_certificate.cert_pem,
        validity_period_hours=hours,
        early_renewal_hours=renewal_hours,
        allowed_uses=["digital_signature", "server_auth"],
        opts=owner.child(),
    )
    return {"ca.crt": ca_certificate.cert_pem, "tls.crt": certificate.cert_pem, "tls.key": key.private_key_pem}

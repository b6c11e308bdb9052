"""What programs may ask for, and when a certificate is made anew: all that a run needs that changes nothing. It comes
without the package cryptography, whose import is a quarter of the plugin's start."""

import datetime

from embedded.providers.base import Object

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = {"P224": "SECP224R1", "P256": "SECP256R1", "P384": "SECP384R1", "P521": "SECP521R1"}
"""Name in cryptography by the program's."""
KEY_USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_USAGES = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}
"""Object identifiers, of RFC 5280 and of the two companies."""
USAGES = (*KEY_USAGES, *EXTENDED_USAGES)


def refused(inputs: Object) -> list[str]:
    """Why inputs can't be used."""
    found: list[str] = []
    if "algorithm" in inputs and inputs["algorithm"] not in ALGORITHMS:
        found.append(f"algorithm is {inputs['algorithm']!r}; allowed are {', '.join(ALGORITHMS)}")
    if "ecdsaCurve" in inputs and inputs["ecdsaCurve"] not in CURVES:
        found.append(f"ecdsaCurve is {inputs['ecdsaCurve']!r}; allowed are {', '.join(CURVES)}")
    unknown = [use for use in inputs.get("allowedUses") or () if use not in USAGES]
    if unknown:
        found.append(f"allowedUses holds {unknown[0]!r}; allowed are {', '.join(USAGES)}")
    if "validityPeriodHours" in inputs and inputs["validityPeriodHours"] < 1:
        found.append(f"validityPeriodHours is {inputs['validityPeriodHours']}; at least 1 is needed")
    return found


def renewal_due(state: Object, now: datetime.datetime) -> bool:
    """Whether a certificate is within `earlyRenewalHours` of its end, or past it."""
    end = datetime.datetime.fromisoformat(state["validityEndTime"])
    return now >= end - datetime.timedelta(hours=state.get("earlyRenewalHours") or 0)

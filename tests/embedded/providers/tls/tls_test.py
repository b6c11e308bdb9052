"""pulumi_tls' resources."""

import datetime
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from embedded.providers.base import UNKNOWN, ProviderError, Resource, Secret, reveal
from embedded.providers.tls.provider import KINDS, Tls

TLS = Tls()


def resource(kind: str) -> Resource:
    token = f"tls:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Resource(f"urn:pulumi:s::p::{token}::x", token, "x")


def make(kind: str, **inputs: Any) -> dict[str, Any]:
    checked = TLS.check(resource(kind), inputs)
    assert not checked.failures
    made = TLS.create(resource(kind), checked.inputs, preview=False)
    assert made.id
    return made.properties


def key(algorithm: str = "ECDSA", **more: Any) -> dict[str, Any]:
    return reveal(make("PrivateKey", **{"algorithm": algorithm, "ecdsaCurve": "P256", **more}))


CA = {"allowedUses": ["cert_signing", "crl_signing"], "isCaCertificate": True, "validityPeriodHours": 100}


def authority() -> tuple[str, str]:
    secret = key()["privateKeyPem"]
    inputs = {**CA, "subject": {"commonName": "Test CA", "organization": "Groundwork"}, "privateKeyPem": secret}
    return secret, make("SelfSignedCert", **inputs)["certPem"]


@pytest.mark.parametrize(("algorithm", "more"), [("RSA", {"rsaBits": 2048}), ("ECDSA", {}), ("ED25519", {})])
def test_a_key_has_all_its_forms(algorithm: str, more: dict[str, Any], tmp_path: Path) -> None:
    forms = key(algorithm, **more)
    for name in ("privateKeyPem", "privateKeyPemPkcs8"):
        assert load_pem_private_key(forms[name].encode(), None)
    assert forms["publicKeyFingerprintSha256"].startswith("SHA256:")
    private = tmp_path / "key"
    private.touch(mode=0o600)
    private.write_text(forms["privateKeyOpenssh"])
    shown = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=False)
    if shown.returncode == 0:
        assert shown.stdout.split()[:2] == forms["publicKeyOpenssh"].split()


def test_private_keys_are_secret_and_public_ones_not() -> None:
    made = make("PrivateKey", algorithm="ED25519")
    assert isinstance(made["privateKeyPem"], Secret)
    assert isinstance(made["privateKeyOpenssh"], Secret)
    assert isinstance(made["publicKeyPem"], str)


def test_a_key_given_in_the_clear_is_made_secret() -> None:
    secret = key()["privateKeyPem"]
    checked = TLS.check(resource("CertRequest"), {"privateKeyPem": secret})
    assert isinstance(checked.inputs["privateKeyPem"], Secret)


def test_a_signed_certificate_is_its_authoritys() -> None:
    ca_key, ca = authority()
    asked = make(
        "CertRequest",
        privateKeyPem=key()["privateKeyPem"],
        subject={"commonName": "web"},
        dnsNames=["web.example.com"],
        ipAddresses=["10.0.0.1"],
        uris=["spiffe://x/y"],
    )
    made = make(
        "LocallySignedCert",
        certRequestPem=asked["certRequestPem"],
        caCertPem=ca,
        caPrivateKeyPem=ca_key,
        validityPeriodHours=24,
        allowedUses=["server_auth", "digital_signature"],
    )
    leaf, issuer = (x509.load_pem_x509_certificate(text.encode()) for text in (made["certPem"], ca))
    leaf.verify_directly_issued_by(issuer)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web.example.com"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made["caKeyAlgorithm"] == "ECDSA"


def test_an_authority_may_sign_and_says_how_deep() -> None:
    secret = key()["privateKeyPem"]
    made = make("SelfSignedCert", **CA, privateKeyPem=secret, maxPathLength=1, setSubjectKeyId=True)
    certificate = x509.load_pem_x509_certificate(made["certPem"].encode())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 1)
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_key_that_is_not_the_authoritys_is_refused() -> None:
    _, ca = authority()
    asked = make("CertRequest", privateKeyPem=key()["privateKeyPem"])
    with pytest.raises(ProviderError, match="caPrivateKeyPem: not the private key of caCertPem"):
        make(
            "LocallySignedCert",
            certRequestPem=asked["certRequestPem"],
            caCertPem=ca,
            caPrivateKeyPem=key()["privateKeyPem"],
            validityPeriodHours=1,
            allowedUses=[],
        )


def test_a_certificate_near_its_end_is_made_anew() -> None:
    secret = key()["privateKeyPem"]
    inputs: dict[str, Any] = {
        "privateKeyPem": secret,
        "validityPeriodHours": 10,
        "allowedUses": [],
        "earlyRenewalHours": 2,
    }
    state = make("SelfSignedCert", **inputs)
    checked = TLS.check(resource("SelfSignedCert"), inputs).inputs
    assert TLS.diff(resource("SelfSignedCert"), state, checked, checked).replaces == []
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    late = {**state, "validityEndTime": soon.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert TLS.diff(resource("SelfSignedCert"), late, checked, checked).replaces == ["readyForRenewal"]


def test_how_early_to_renew_changes_in_place() -> None:
    old, new = {"earlyRenewalHours": 1}, {"earlyRenewalHours": 2}
    assert TLS.diff(resource("SelfSignedCert"), {}, old, new).replaces == []
    assert TLS.diff(resource("SelfSignedCert"), {}, {"dnsNames": ["a"]}, {"dnsNames": ["b"]}).replaces


@pytest.mark.parametrize(
    ("kind", "inputs", "words"),
    [
        ("PrivateKey", {"algorithm": "DSA"}, "algorithm is 'DSA'; allowed are RSA, ECDSA, ED25519"),
        ("PrivateKey", {"algorithm": "ECDSA", "ecdsaCurve": "P1"}, "ecdsaCurve is 'P1'; allowed are P224"),
        ("SelfSignedCert", {"allowedUses": ["fun"], "validityPeriodHours": 1}, "allowedUses holds 'fun'"),
        ("SelfSignedCert", {"allowedUses": [], "validityPeriodHours": 0}, "at least 1 is needed"),
    ],
)
def test_wrong_inputs_are_refused(kind: str, inputs: dict[str, Any], words: str) -> None:
    failures = TLS.check(resource(kind), inputs).failures
    assert words in failures[0].reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_makes_nothing(kind: str) -> None:
    shown = TLS.create(resource(kind), {}, preview=True).properties
    assert all(shown[name] is UNKNOWN for name in KINDS[kind].outputs)


@pytest.mark.parametrize("form", ["privateKeyPem", "privateKeyOpenssh"])
def test_the_public_half_of_a_key_is_told(form: str) -> None:
    made = key("ED25519")
    found = TLS.invoke("tls:index/getPublicKey:getPublicKey", {form: Secret(made[form])})
    assert found["publicKeyOpenssh"] == made["publicKeyOpenssh"]
    assert found["algorithm"] == "ED25519"
    assert isinstance(found[form], Secret)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ProviderError, match="neither PEM nor OpenSSH"):
        make("CertRequest", privateKeyPem="nonsense")

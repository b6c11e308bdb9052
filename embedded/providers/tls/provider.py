"""pulumi_tls' resources: keys, requests and certificates that live in the state."""

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from embedded.providers.base import (
    UNKNOWN,
    Change,
    Checked,
    CheckFailure,
    Created,
    Diff,
    Object,
    Provider,
    ProviderError,
    ReadResult,
    Resource,
    Secret,
    has_unknown,
    reveal,
)
from embedded.providers.base.release import release

from .asked import refused, renewal_due


def make_private_key(inputs: Object) -> tuple[str, Object]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from .keys import make_key, private_forms, public_forms

    key = make_key(inputs["algorithm"], inputs["rsaBits"], inputs["ecdsaCurve"])
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest(), {**private_forms(key), **public_forms(key)}


def make_request(inputs: Object) -> tuple[str, Object]:
    from .certificates import request

    outputs = request(inputs)
    return hashlib.sha1(outputs["certRequestPem"].encode(), usedforsecurity=False).hexdigest(), outputs


def make_self_signed(inputs: Object) -> tuple[str, Object]:
    from .certificates import self_signed

    return _with_serial(self_signed(inputs))


def make_locally_signed(inputs: Object) -> tuple[str, Object]:
    from .certificates import locally_signed

    return _with_serial(locally_signed(inputs))


def _with_serial(outputs: Object) -> tuple[str, Object]:
    """Certificates are named by their serial number."""
    from cryptography import x509

    return str(x509.load_pem_x509_certificate(outputs["certPem"].encode()).serial_number), outputs


@dataclass(frozen=True)
class Kind:
    """make: inputs -> id, outputs. secret: outputs that are."""

    make: Callable[[Object], tuple[str, Object]]
    outputs: tuple[str, ...]
    defaults: Object = field(default_factory=dict[str, Any])
    secret: tuple[str, ...] = ()


DATED = ("certPem", "readyForRenewal", "validityStartTime", "validityEndTime")
CERTIFICATE: Object = {"earlyRenewalHours": 0, "isCaCertificate": False, "setSubjectKeyId": False}
PRIVATE = ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh")
PUBLIC = ("publicKeyPem", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")

KINDS = {
    "PrivateKey": Kind(make_private_key, PRIVATE + PUBLIC, {"rsaBits": 2048, "ecdsaCurve": "P224"}, PRIVATE),
    "CertRequest": Kind(make_request, ("keyAlgorithm", "certRequestPem")),
    "SelfSignedCert": Kind(make_self_signed, ("keyAlgorithm", *DATED), {**CERTIFICATE, "setAuthorityKeyId": False}),
    "LocallySignedCert": Kind(make_locally_signed, ("caKeyAlgorithm", *DATED), CERTIFICATE),
}
SECRET_INPUTS = ("privateKeyPem", "caPrivateKeyPem")


class Tls(Provider):
    """Any changed input makes a new one; a certificate close to its end is made anew by the next `up`."""

    name = "tls"

    def __init__(self) -> None:
        self.version = release("pulumi_tls")

    def check(self, resource: Resource, new: Object) -> Checked:
        inputs = {**_kind(resource).defaults, **{name: value for name, value in new.items() if value is not None}}
        for name in SECRET_INPUTS:
            if name in inputs and not isinstance(inputs[name], Secret):
                inputs[name] = Secret(inputs[name])
        return Checked(inputs, [CheckFailure(why) for why in refused(reveal(inputs)) if not has_unknown(inputs)])

    def diff(self, resource: Resource, state: Object, old: Object, new: Object) -> Diff:
        del resource
        names = sorted(name for name in old.keys() | new.keys() if reveal(old.get(name)) != reveal(new.get(name)))
        changes = {name: Change.UPDATE if name == "earlyRenewalHours" else Change.UPDATE_REPLACE for name in names}
        if "validityEndTime" in state:
            renewal = {**state, "earlyRenewalHours": new.get("earlyRenewalHours")}
            if not has_unknown(renewal) and renewal_due(reveal(renewal), datetime.datetime.now(datetime.UTC)):
                changes["readyForRenewal"] = Change.UPDATE_REPLACE
        return Diff(changes)

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        kind = _kind(resource)
        if preview:
            return Created("", {**inputs, **dict.fromkeys(kind.outputs, UNKNOWN)})
        try:
            id, made = kind.make(reveal(inputs))
        except ValueError as error:
            raise ProviderError(f"{resource.type} {resource.name}: {error}") from None
        return Created(id, {**inputs, **{k: Secret(v) if k in kind.secret else v for k, v in made.items()}})

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult:
        if not state:
            raise ProviderError(f"{resource.type}: import is not offered by this stand-in")
        return ReadResult(id, state, inputs)

    def invoke(self, token: str, arguments: Object) -> Object:
        if token != "tls:index/getPublicKey:getPublicKey":
            return super().invoke(token, arguments)
        from .keys import algorithm_of, load_key, public_forms

        given = reveal(arguments)
        key = load_key(given.get("privateKeyPem") or given.get("privateKeyOpenssh") or "")
        public = public_forms(key)
        secret = {name: Secret(value) for name, value in given.items()}
        return {"id": public["publicKeyFingerprintSha256"], "algorithm": algorithm_of(key), **public, **secret}


def _kind(resource: Resource) -> Kind:
    kind = KINDS.get(resource.type.rsplit(":", 1)[-1])
    if kind is None:
        raise ProviderError(f"{resource.type}: this stand-in knows {', '.join(sorted(KINDS))}")
    return kind

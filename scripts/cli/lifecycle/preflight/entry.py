"""What leads to the gateway from outside: kinds that the cluster must have, a certificate of one's own, a node port."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.gateway.documents import PORTAL
from modules.gateway.service import GATEWAY
from scripts.cli.clients.api import Api
from scripts.cli.clients.gateway import CERTIFICATE
from stacks.foundation.reached import CERT_MANAGER, of_cert_manager

from .findings import KEY, Context, Finding
from .namespaces import PROBE

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CHECK = "entry"
NODE_PORTS = range(30000, 32768)
"""Kubernetes' own default."""


def check(context: Context) -> list[Finding]:
    """Return nothing where the gateway needs no more than Kubernetes' own kinds."""
    entry = context.environment.settings.entry
    return [*_kinds(context, entry), *_certificate(context, entry), *_node_port(context, entry)]


def _refused(detail: str, action: str) -> list[Finding]:
    return [Finding(check=CHECK, state="refused", detail=detail, action=action)]


def _kinds(context: Context, entry: Entry) -> list[Finding]:
    """Of controllers, whose definitions some clusters don't have."""
    if entry.ingress is None and entry.listener is None:
        return []
    from modules.gateway.outside import custom_objects  # a second, for what few stacks have

    objects = custom_objects(entry, CERTIFICATE)
    missing = [each for each in objects if each.kind not in _served(context, each.api_version)]
    if missing:
        named = ", ".join(f"{each.kind} of {each.api_version}" for each in missing)
        return _refused(
            f"{KEY}.reached.by is {context.existing.reached.by!r}, and the cluster does not have {named}",
            "have the admin install what defines it (Traefik, or the Gateway API: 1.4 for HTTPRoute and "
            f"BackendTLSPolicy, 1.5 for TLSRoute), or choose another {KEY}.reached.by",
        )
    kinds = ", ".join(each.kind for each in objects)
    return [Finding(check=CHECK, state="ok", detail=f"the cluster has {kinds}")] if objects else []


def _served(context: Context, api_version: str) -> set[str]:
    found = context.api.get(f"/apis/{api_version}") or {}
    return {each["kind"] for each in found.get("resources", [])}


def _certificate(context: Context, entry: Entry) -> list[Finding]:
    """Of one's own: the Secret that is there, or who makes it."""
    ingress = entry.ingress
    name = entry.certificate if ingress is None else ingress.certificate
    if name is None:
        return []
    if ingress and (managed := of_cert_manager(ingress.annotations)):
        if _served(context, f"{CERT_MANAGER}v1"):
            return [Finding(check=CHECK, state="ok", detail=f"cert-manager makes the certificate {name}")]
        return _refused(
            f"{KEY}.reached.annotations has {managed[0]}, and the cluster has no cert-manager",
            f"have the admin install it, or remove the annotation and make the Secret {name} yourself",
        )
    inside = namespace(context.stack, GATEWAY.name)
    secret = context.api.get(f"/api/v1/namespaces/{inside}/secrets/{name}")
    which = f"{KEY}.reached.certificate is {name!r}"
    if secret is None:
        first = "" if context.api.get(f"/api/v1/namespaces/{inside}") else "run `up` with reached.by: none once, then "
        create = f"kubectl create secret tls {name} --namespace {inside} --cert FILE --key FILE"
        return _refused(f"{which}, and namespace {inside} has no such Secret", f"{first}`{create}`")
    if wrong := why_not(secret.get("data") or {}, entry.domain):
        names = f"{entry.domain} and *.{entry.domain}"
        return _refused(f"{which}, {wrong}", f"put a certificate of {names} and its key into the Secret")
    return [Finding(check=CHECK, state="ok", detail=f"the Secret {name} has a certificate of {entry.domain}")]


def why_not(secret: Mapping[str, str], domain: str) -> str:
    """Return what is wrong with a certificate for a domain; empty where nothing is. Pure.

    secret: the data of a Secret, in base64."""
    from base64 import b64decode

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if missing := {"tls.crt", "tls.key"} - {*secret}:
        return f"whose key {min(missing)} is missing"
    try:
        certificate = x509.load_pem_x509_certificate(b64decode(secret["tls.crt"]))
        key = load_pem_private_key(b64decode(secret["tls.key"]), None)
    except (ValueError, TypeError):  # TypeError: the key has a password
        return "whose tls.crt and tls.key are not a PEM certificate and a key without a password"
    if key.public_key() != certificate.public_key():
        return "whose tls.key is not the key of its tls.crt"
    if (end := certificate.not_valid_after_utc) < datetime.now(UTC):
        return f"whose certificate expired on {end:%Y-%m-%d}"
    names = _names(certificate)
    if not all(names & {host, f"*.{host.partition('.')[2]}"} for host in (domain, f"{PORTAL}.{domain}")):
        return f"whose certificate is of {', '.join(sorted(names)) or 'no name'}"
    return ""


def _names(certificate: "Certificate") -> set[str]:
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        extension = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return set()
    return {*extension.value.get_values_for_type(DNSName)}


def _node_port(context: Context, entry: Entry) -> list[Finding]:
    """Whether nobody else has it: the API server says so when a Service is tried. Of its range it says nothing then."""
    if entry.service_type != "NodePort":
        return []
    inside = namespace(context.stack, GATEWAY.name)
    if entry.port in _node_ports(context.api, inside):
        return [Finding(check=CHECK, state="ok", detail=f"node port {entry.port} is this environment's")]
    tried = inside if context.api.get(f"/api/v1/namespaces/{inside}") else "default"
    port = {"port": 443, "nodePort": entry.port}
    service = {"metadata": {"name": PROBE}, "spec": {"type": "NodePort", "ports": [port]}}
    try:
        context.api.create(f"/api/v1/namespaces/{tried}/services?dryRun=All", service)
    except UserError as error:
        return _refused(f"{KEY}.reached.port is {entry.port}: {error}", "choose one that is free")
    if entry.port not in NODE_PORTS:
        return [
            Finding(
                check=CHECK,
                state="warning",
                detail=f"{KEY}.reached.port is {entry.port}, outside of {NODE_PORTS[0]} to {NODE_PORTS[-1]}, the node "
                "ports of a cluster that was not given others",
                action="ask the admin for the range (--service-node-port-range of the API server), or choose another",
            )
        ]
    return [Finding(check=CHECK, state="ok", detail=f"node port {entry.port} is free")]


def _node_ports(api: Api, inside: str) -> set[int]:
    services: list[dict[str, Any]] = api.items(f"/api/v1/namespaces/{inside}/services")
    return {port["nodePort"] for each in services for port in each["spec"].get("ports", []) if "nodePort" in port}

"""What brings clients from outside of the cluster to the gateway, as pure documents: an Ingress, or routes of the
Gateway API. Who is in front ends the clients' TLS and speaks HTTPS to the gateway, whose certificate it checks, or
passes TLS through: no login is readable on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_kubernetes.networking.v1 import (
    HTTPIngressPathArgs,
    HTTPIngressRuleValueArgs,
    IngressBackendArgs,
    IngressRuleArgs,
    IngressServiceBackendArgs,
    IngressSpecArgs,
    IngressTLSArgs,
    ServiceBackendPortArgs,
)

from modules.core.contracts import Entry, Ingress, Listener

from .documents import PORT, REQUEST_SECONDS, SERVICE

AUTHORITY = "authority"
"""ConfigMap with the certificate of the gateway's own authority, for who checks its certificate."""
ROUTES = "gateway.networking.k8s.io/v1"
SERVERS_TRANSPORT = "traefik.io/v1alpha1"
NGINX, TRAEFIK = "nginx.ingress.kubernetes.io", "traefik.ingress.kubernetes.io"
"""Prefixes of the controllers' annotations."""
UNLIMITED = "0"


@dataclass(frozen=True, kw_only=True)
class Custom:
    """An object of a kind that an extension of the cluster brings."""

    role: str
    """End of its resource's name."""
    api_version: str
    kind: str
    name: str
    spec: Mapping[str, Any]


def controller_annotations(ingress: Ingress, entry: Entry, secret: str) -> dict[str, str]:
    """Return annotations of the Ingress, those of the settings last. By the others its controller leads nobody in
    without TLS, speaks HTTPS to the gateway and checks its certificate, and lets large files and slow clients pass.
    `secret`: NAMESPACE/NAME of the certificate."""
    known = {"nginx": _nginx(entry, secret), "traefik": {f"{TRAEFIK}/router.tls": "true"}}
    return {**known.get(ingress.controller or "", {}), **ingress.annotations}


def _nginx(entry: Entry, secret: str) -> dict[str, str]:
    settings = {
        "force-ssl-redirect": "true",
        "backend-protocol": "HTTPS",
        "proxy-ssl-secret": secret,
        "proxy-ssl-verify": "on",
        "proxy-ssl-name": entry.domain,
        "proxy-ssl-server-name": "on",
        "proxy-body-size": UNLIMITED,
        "proxy-request-buffering": "off",
        "proxy-read-timeout": str(REQUEST_SECONDS),
        "proxy-send-timeout": str(REQUEST_SECONDS),
    }
    return {f"{NGINX}/{name}": value for name, value in settings.items()}


def service_annotations(entry: Entry, namespace: str) -> dict[str, str]:
    """Return annotations of the Service behind an Ingress: Traefik reads there how to speak to it."""
    if entry.ingress is None or entry.ingress.controller != "traefik":
        return {}
    transport = f"{namespace}-{SERVICE}@kubernetescrd"
    return {f"{TRAEFIK}/service.serverstransport": transport}


def ingress_spec(ingress: Ingress, hosts: Sequence[str]) -> IngressSpecArgs:
    """Return the spec of an Ingress that leads all hosts to the gateway."""
    service = IngressServiceBackendArgs(name=SERVICE, port=ServiceBackendPortArgs(name="https"))
    path = HTTPIngressPathArgs(path="/", path_type="Prefix", backend=IngressBackendArgs(service=service))
    return IngressSpecArgs(
        ingress_class_name=ingress.class_name,
        tls=[IngressTLSArgs(hosts=list(hosts), secret_name=ingress.certificate)],
        rules=[IngressRuleArgs(host=host, http=HTTPIngressRuleValueArgs(paths=[path])) for host in hosts],
    )


def custom_objects(entry: Entry, secret: str) -> list[Custom]:
    """Return what is needed beside Service and Ingress. `secret`: of the gateway's certificate."""
    if entry.ingress is not None and entry.ingress.controller == "traefik":
        spec = {"serverName": entry.domain, "rootCAsSecrets": [secret]}
        return [
            Custom(role="transport", api_version=SERVERS_TRANSPORT, kind="ServersTransport", name=SERVICE, spec=spec)
        ]
    if entry.listener is None:
        return []
    route = _route(entry, entry.listener)
    return [route] if entry.listener.passthrough else [route, _backend_tls(entry)]


def _route(entry: Entry, listener: Listener) -> Custom:
    """All hosts by one name and one wildcard: a route takes 16 at most."""
    parent = {"name": listener.name, "namespace": listener.namespace}
    rule: dict[str, Any] = {"backendRefs": [{"name": SERVICE, "port": PORT}]}
    if not listener.passthrough:
        rule["timeouts"] = {"request": f"{REQUEST_SECONDS}s"}
    spec = {
        "parentRefs": [parent if listener.section is None else {**parent, "sectionName": listener.section}],
        "hostnames": [entry.domain, f"*.{entry.domain}"],
        "rules": [rule],
    }
    kind = "TLSRoute" if listener.passthrough else "HTTPRoute"
    return Custom(role="route", api_version=ROUTES, kind=kind, name=SERVICE, spec=spec)


def _backend_tls(entry: Entry) -> Custom:
    authority = {"group": "", "kind": "ConfigMap", "name": AUTHORITY}
    spec = {
        "targetRefs": [{"group": "", "kind": "Service", "name": SERVICE, "sectionName": "https"}],
        "validation": {"hostname": entry.domain, "caCertificateRefs": [authority]},
    }
    return Custom(role="backend-tls", api_version=ROUTES, kind="BackendTLSPolicy", name=SERVICE, spec=spec)

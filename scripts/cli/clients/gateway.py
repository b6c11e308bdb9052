"""How this machine reaches what is behind the gateway: its address, its CA certificate, its login."""

import os
import ssl
from dataclasses import dataclass, field

import httpx

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.gateway.documents import PORT, client_address
from modules.gateway.service import GATEWAY
from scripts.cli.clients import kubectl
from scripts.cli.clients.forward import close, forwarded
from scripts.cli.environment import Environment

LOGIN, CERTIFICATE = "gateway-login", "gateway-certificate"
"""Secrets in the gateway's namespace."""
AUTHORITY = "ca.crt"
"""Key of a certificate's Secret."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Of one environment. ca_certificate: PEM text, no secret; None where this machine's own trust is for it."""

    ca_certificate: str | None
    username: str
    password: str = field(repr=False)


def access(environment: Environment) -> Access:
    """Return how programs get in that connect to the gateway itself. Raise UserError where there is none yet."""
    return _access(environment, environment.settings.entry.certificate or CERTIFICATE)


def outer_access(environment: Environment) -> Access:
    """Return the same for clients outside of the cluster, who may be shown the certificate of what is in front."""
    return _access(environment, shown_certificate(environment.settings.entry))


def shown_certificate(entry: Entry) -> str | None:
    """Return the Secret, in the gateway's namespace, of the certificate that clients are shown; None where it is
    somebody else's. Pure."""
    if entry.ingress is not None:
        return entry.ingress.certificate
    if entry.listener is not None and not entry.listener.passthrough:
        return None
    return entry.certificate or CERTIFICATE


def _access(environment: Environment, certificate: str | None) -> Access:
    namespace_name = namespace(environment.stack, GATEWAY.name)
    login = kubectl.secret(environment, namespace_name, LOGIN)
    shown = {} if certificate is None else kubectl.secret(environment, namespace_name, certificate)
    if login is None:
        raise UserError(
            f"stack {environment.stack}: it has no gateway yet: run `scripts/up {environment.stack}`, which makes it"
        )
    if shown is None:
        raise UserError(
            f"stack {environment.stack}: namespace {namespace_name} has no Secret {certificate} with the certificate: "
            f"`groundwork status {environment.stack}` says what is missing"
        )
    return Access(ca_certificate=shown.get(AUTHORITY) or None, username=login["username"], password=login["password"])


def service_address(environment: Environment, service: str) -> str:
    """Return where programs on this machine reach a service. Raise UserError where the gateway is not published."""
    found = client_address(service, environment.settings.entry)
    if found is None:
        raise UserError(
            f"groundwork:gateway.local_port is null in stacks/Pulumi.{environment.stack}.yaml: this command asks "
            f"{service} through the gateway, so give it a port and run `scripts/up {environment.stack}` again"
        )
    return found


class Forwarded(httpx.HTTPTransport):
    """By way of the Kubernetes API to the gateway itself, whichever entry it has: its name is asked for and checked,
    and no resolver asked."""

    def __init__(self, environment: Environment, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self.environment = environment

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        try:
            return self._sent(request)
        except httpx.ConnectError:  # nothing of the request was sent: the port's pod may have gone
            close(self.environment, GATEWAY.name, PORT)
            return self._sent(request)

    def _sent(self, request: httpx.Request) -> httpx.Response:
        named = request.url
        port = forwarded(self.environment, GATEWAY.name, PORT)
        request.url = named.copy_with(host="127.0.0.1", port=port)
        try:
            return super().handle_request(request)
        finally:
            request.url = named


def client(environment: Environment, base_url: str) -> httpx.Client:
    """Return a client that trusts the environment's CA certificate and nothing else, and logs in."""
    given = access(environment)
    context = ssl.create_default_context(cadata=given.ca_certificate)
    return httpx.Client(
        base_url=base_url,
        auth=(given.username, given.password),
        verify=context,
        transport=Forwarded(environment, context) if environment.settings.existing else None,
        timeout=20,
        trust_env=False,
    )


def write_ca_certificate(environment: Environment) -> Access:
    """Put the CA certificate of what clients are shown, where there is one, where `scripts/env` says that it is."""
    given = outer_access(environment)
    path = environment.ca_certificate
    if given.ca_certificate is not None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_text(given.ca_certificate)
        unfinished.replace(path)
    return given

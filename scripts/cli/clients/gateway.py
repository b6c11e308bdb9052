"""How this machine reaches what is behind the gateway: its address, its CA certificate, MLflow's login."""

import os
import ssl

import httpx

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.gateway.documents import PORT, client_address
from modules.gateway.service import GATEWAY
from modules.mlflow.service import MLFLOW
from scripts.cli.clients import kubectl
from scripts.cli.clients.forward import close, forwarded
from scripts.cli.environment import Environment

CERTIFICATE = "gateway-certificate"
"""Secret in the gateway's namespace."""
AUTHORITY = "ca.crt"
"""Key of a certificate's Secret."""


def ca_certificate(environment: Environment) -> str | None:
    """Return whom programs trust that connect to the gateway itself: PEM text, no secret; None: whom this machine
    trusts anyway. Raise UserError where there is no gateway yet."""
    return _ca_certificate(environment, environment.settings.entry.certificate or CERTIFICATE)


def outer_ca_certificate(environment: Environment) -> str | None:
    """Return the same for clients outside of the cluster, who may be shown the certificate of what is in front."""
    return _ca_certificate(environment, shown_certificate(environment.settings.entry))


def shown_certificate(entry: Entry) -> str | None:
    """Return the Secret, in the gateway's namespace, of the certificate that clients are shown; None where it is
    somebody else's. Pure."""
    if entry.ingress is not None:
        return entry.ingress.certificate
    if entry.listener is not None and not entry.listener.passthrough:
        return None
    return entry.certificate or CERTIFICATE


def _ca_certificate(environment: Environment, secret: str | None) -> str | None:
    if secret is None:
        return None
    place = namespace(environment.stack, GATEWAY.name)
    if found := kubectl.secret(environment, place, secret):
        return found.get(AUTHORITY) or None
    if secret == CERTIFICATE:
        raise UserError(
            f"stack {environment.stack}: it has no gateway yet: run `scripts/up {environment.stack}`, which makes it"
        )
    raise UserError(
        f"stack {environment.stack}: namespace {place} has no Secret {secret} with the certificate: "
        f"`groundwork status {environment.stack}` says what is missing"
    )


def mlflow_login(environment: Environment) -> tuple[str, str]:
    """Return user name and password of people at MLflow. Raise UserError where there are none yet."""
    login = MLFLOW.login
    assert login is not None
    found = kubectl.secret(environment, namespace(environment.stack, login.namespace), login.secret)
    if found is None:
        raise UserError(
            f"stack {environment.stack}: it has no MLflow yet: run `scripts/up {environment.stack}`, which makes it"
        )
    return found[login.username], found[login.password]


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


def client(environment: Environment, base_url: str, login: tuple[str, str] | None = None) -> httpx.Client:
    """Return a client that trusts the environment's CA certificate and nothing else. `login`: user name and
    password."""
    context = ssl.create_default_context(cadata=ca_certificate(environment))
    return httpx.Client(
        base_url=base_url,
        auth=login,
        verify=context,
        transport=None if environment.settings.foundation.publishes else Forwarded(environment, context),
        timeout=20,
        trust_env=False,
    )


def write_ca_certificate(environment: Environment) -> str | None:
    """Put the CA certificate of what clients are shown, where there is one, where `scripts/env` says that it is.
    Return its text."""
    found = outer_ca_certificate(environment)
    path = environment.ca_certificate
    if found is not None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_text(found)
        unfinished.replace(path)
    return found

"""How this machine reaches what is behind the gateway: its address, its CA certificate, its login."""

import os
import ssl
from dataclasses import dataclass, field

import httpx

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.gateway.documents import PORT, client_address
from modules.gateway.service import GATEWAY
from scripts.cli.clients import kubectl
from scripts.cli.clients.forward import forwarded
from scripts.cli.environment import Environment

LOGIN, CERTIFICATE = "gateway-login", "gateway-certificate"
"""Secrets in the gateway's namespace."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Of one environment. ca_certificate: PEM text, no secret."""

    ca_certificate: str
    username: str
    password: str = field(repr=False)


def access(environment: Environment) -> Access:
    """Return how programs get in. Raise UserError where the environment has no gateway yet."""
    namespace_name = namespace(environment.stack, GATEWAY.name)
    login = kubectl.secret(environment, namespace_name, LOGIN)
    certificate = kubectl.secret(environment, namespace_name, CERTIFICATE)
    if login is None or certificate is None:
        raise UserError(
            f"stack {environment.stack}: it has no gateway yet: run `scripts/up {environment.stack}`, which makes it"
        )
    return Access(ca_certificate=certificate["ca.crt"], username=login["username"], password=login["password"])


def service_address(environment: Environment, service: str) -> str:
    """Return where programs on this machine reach a service. Raise UserError where the gateway is not published."""
    if environment.settings.existing:
        return f"https://127.0.0.1:{forwarded(environment, GATEWAY.name, PORT)}/{service}"
    found = client_address(service, environment.settings.entry)
    if found is None:
        raise UserError(
            f"groundwork:gateway.local_port is null in stacks/Pulumi.{environment.stack}.yaml: this command asks "
            f"{service} through the gateway, so give it a port and run `scripts/up {environment.stack}` again"
        )
    return found


def client(environment: Environment, base_url: str) -> httpx.Client:
    """Return a client that trusts the environment's CA certificate and nothing else, and logs in."""
    given = access(environment)
    return httpx.Client(
        base_url=base_url,
        auth=(given.username, given.password),
        verify=ssl.create_default_context(cadata=given.ca_certificate),
        timeout=20,
        trust_env=False,
    )


def write_ca_certificate(environment: Environment) -> Access:
    """Put the CA certificate where `scripts/env` says that it is."""
    given = access(environment)
    path = environment.ca_certificate
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(given.ca_certificate)
    unfinished.replace(path)
    return given

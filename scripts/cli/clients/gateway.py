"""How this machine reaches what is behind the gateway: its address, its authority, its login."""

import os
import ssl
from dataclasses import dataclass, field

import httpx

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.gateway.documents import client_address
from modules.gateway.service import GATEWAY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

LOGIN, CERTIFICATE = "gateway-login", "gateway-certificate"
"""Secrets in the gateway's namespace."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Of one environment. authority: PEM text, no secret."""

    authority: str
    username: str
    password: str = field(repr=False)


def access(environment: Environment) -> Access:
    """UserError where the environment has no gateway yet."""
    place = namespace(environment.stack, GATEWAY.name)
    login = kubectl.secret(environment, place, LOGIN)
    certificate = kubectl.secret(environment, place, CERTIFICATE)
    if login is None or certificate is None:
        raise UserError(
            f"stack {environment.stack}: it has no gateway yet: run `scripts/up {environment.stack}`, which makes it"
        )
    return Access(authority=certificate["ca.crt"], username=login["username"], password=login["password"])


def service_address(environment: Environment, service: str) -> str:
    """Where programs on this machine reach a service. UserError where the gateway is not published."""
    port = environment.settings.of(GATEWAY).local_port
    if port is None:
        raise UserError(
            f"groundwork:gateway.local_port is null in stacks/Pulumi.{environment.stack}.yaml: this command asks "
            f"{service} through the gateway, so give it a port and run `scripts/up {environment.stack}` again"
        )
    return client_address(service, port)


def client(environment: Environment, base_url: str) -> httpx.Client:
    """Trusts the environment's authority and nobody else, and logs in."""
    given = access(environment)
    return httpx.Client(
        base_url=base_url,
        auth=(given.username, given.password),
        verify=ssl.create_default_context(cadata=given.authority),
        timeout=20,
        trust_env=False,
    )


def write_authority(environment: Environment) -> Access:
    """Puts the authority where `scripts/env` says that it is."""
    given = access(environment)
    path = environment.authority
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(given.authority)
    unfinished.replace(path)
    return given

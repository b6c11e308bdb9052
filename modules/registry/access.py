"""How this machine comes to a registry: whom it trusts, who it logs in as, and how registries ask for that."""

import json
import re
import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from modules.core.errors import UserError

from .logins import Login

HOSTS = {"docker.io": "registry-1.docker.io"}
"""Where a registry answers, by the host in its images' names, when that is another."""
ADDRESS = r"[a-z0-9.-]*[a-z0-9](:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
"""Pattern of where images are pushed and pulled: host[:port]/path, without a scheme."""
TOKEN_SECONDS = 60
"""How long a token is good for where its server does not say, by the specification of the token flow."""
MARGIN_SECONDS = 10
CLIENT = "groundwork"


@dataclass(frozen=True, kw_only=True)
class RegistryAccess:
    """How this machine comes to one registry."""

    advice: str
    """What to do where the registry does not answer, for people."""
    ca: Path | None = None
    """PEM file of CA certificates that are trusted besides those of this machine."""
    login: Login | None = None
    """None: the registry is asked anonymously."""
    own: bool = False
    """Whether it is part of the environment: reached past this machine's proxy, and trusted by `ca` alone."""

    def trust(self) -> ssl.SSLContext:
        """Return what the registry's certificate is checked against. Raise UserError for a file that holds no
        certificates."""
        if self.ca is None:
            return _trust_of_this_machine()
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if not self.own:
                context.load_default_certs()
        except OSError as error:
            raise UserError(f"{self.ca}: no PEM file of CA certificates ({error}): {self.advice}") from error
        return context


@cache
def _trust_of_this_machine() -> ssl.SSLContext:
    """Read once: an image that is copied connects many times, and each would take 20 ms."""
    return ssl.create_default_context()


def api_host(address: str) -> str:
    """Return where the API of a registry answers: that of Docker Hub is elsewhere."""
    host = address.partition("/")[0]
    return HOSTS.get(host, host)


def scheme(host: str) -> str:
    """Plain HTTP for a service on this very machine, as container engines have it; TLS for every other."""
    name = host.partition(":")[0]
    return "http" if name == "localhost" or name.startswith("127.") else "https"


def challenge(header: str) -> dict[str, str]:
    """The parameters of `WWW-Authenticate: Bearer realm="...",service="..."`; empty where it is no such challenge."""
    kind, _, parameters = header.partition(" ")
    return dict(re.findall(r'(\w+)="([^"]*)"', parameters)) if kind.lower() == "bearer" else {}


@dataclass(frozen=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    expires: float

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self.expires


class RegistryAuth(httpx.Auth):
    """Logs in the way the registry asks for: by Basic, or by a token from the server that it names.

    A token is for one repository, to read or to write, and is used until it expires. Nothing is sent to other hosts.
    """

    def __init__(self, address: str, login: Login | None) -> None:
        self.address = address
        self.host = httpx.URL(f"https://{api_host(address)}").netloc
        self.login = login
        self.basic = False
        self.challenges: dict[tuple[str, ...], dict[str, str]] = {}
        self.tokens: dict[tuple[str, ...], _Token] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if request.url.netloc != self.host:  # an upload's address may be elsewhere
            yield request
            return
        key = _rights(request)
        if key in self.challenges:
            yield from self._authorize(request, key)
        elif self.basic:
            self._log_in(request)
        asked_before = "Authorization" in request.headers
        response = yield request
        if response.status_code != 401 or response.url.host != request.url.host:
            return
        found = challenge(response.headers.get("WWW-Authenticate", ""))
        if found:
            self.challenges[key] = found
            self.tokens.pop(key, None)
            yield from self._authorize(request, key)
            yield request
        elif self.login and not self.login.has_identity_token and not asked_before:
            self.basic = True
            self._log_in(request)
            yield request

    def _log_in(self, request: httpx.Request) -> None:
        assert self.login
        basic = httpx.BasicAuth(self.login.username, self.login.password)
        request.headers["Authorization"] = next(basic.auth_flow(request)).headers["Authorization"]

    def _authorize(self, request: httpx.Request, key: tuple[str, ...]) -> Generator[httpx.Request, httpx.Response]:
        """Puts the token for these rights on a request; asks for it where there is none, or no good one."""
        token = self.tokens.get(key)
        if token is None or not token.is_good:
            asked = self._token_request(self.challenges[key], key)
            asked.extensions = request.extensions  # its time limits
            response = yield asked
            response.read()
            token = self.tokens[key] = self._token(asked.url, response)
        request.headers["Authorization"] = f"Bearer {token.text}"

    def _token_request(self, found: dict[str, str], key: tuple[str, ...]) -> httpx.Request:
        realm = httpx.URL(found.get("realm", ""))
        if not realm.host or realm.scheme not in {"https", scheme(realm.host)}:
            raise UserError(
                f"registry {self.address}: its token server is {str(realm) or 'not named'}; expected an https:// "
                "address: a login is sent to no other"
            )
        repository, action, _ = key
        scope = found.get("scope") or f"repository:{repository.removeprefix('/v2/')}:{action}"
        service = {"service": found["service"]} if "service" in found else {}
        if self.login and self.login.has_identity_token:
            refresh = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": self.login.password}
            return httpx.Request("POST", realm, data={**refresh, **service, "scope": scope})
        request = httpx.Request("GET", realm.copy_merge_params({**service, "scope": scope.split()}))
        if self.login:
            self._log_in(request)
        return request

    def _token(self, asked: httpx.URL, response: httpx.Response) -> _Token:
        if response.status_code in {400, 401, 403}:
            raise UserError(refused(self.address, self.login, response))
        server = asked.copy_with(query=None)
        try:
            content: dict[str, Any] = response.raise_for_status().json()
            text = content.get("token") or content["access_token"]
        except (httpx.HTTPStatusError, ValueError, KeyError, AttributeError):
            raise UserError(
                f"registry {self.address}: its token server {server} answered {response.status_code} without a token"
            ) from None
        seconds = content.get("expires_in") or TOKEN_SECONDS
        return _Token(text=text, expires=time.monotonic() + seconds - MARGIN_SECONDS)


def _rights(request: httpx.Request) -> tuple[str, ...]:
    """What a token must allow for a request: repository, reading or writing, and the repository that is taken from."""
    repository = request.url.path.rpartition("/manifests/" if "/manifests/" in request.url.path else "/blobs/")[0]
    action = "pull" if request.method in {"GET", "HEAD"} else "pull,push"
    return (repository, action, request.url.params.get("from", ""))


def refused(address: str, login: Login | None, response: httpx.Response) -> str:
    """Return what a person reads whose login a registry did not take, or who may not do what was asked."""
    host = address.partition("/")[0]
    again = f"`docker login {host}` or `buildah login {host}`"
    reason = explanation(response)
    if login is None:
        return (
            f"registry {address} wants a login{reason}, and there is none for it: {again}, as a user that may do this"
        )
    who = f"{login.username!r} from {login.source}"
    if response.status_code == 403:
        return (
            f"registry {address} does not allow this to user {who}{reason}: let its owner grant the right to pull and "
            "push there, or name another address"
        )
    return f"registry {address} refused the login of {who}{reason}: put a valid one there ({again})"


def explanation(response: httpx.Response) -> str:
    """Return what the registry's answer says for people, in parentheses; nothing where it says nothing."""
    try:
        first = json.loads(response.content)["errors"][0]
        text = f"{first.get('code', '')}: {first.get('message', '')}".strip(": ")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        text = ""
    return f" ({text[:200]})" if text else ""

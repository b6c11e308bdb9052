"""Logins of registries, read where `docker login` and `buildah login` (or podman's, or skopeo's) have put them."""

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from modules.core.errors import UserError

DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""What Docker Hub goes by in these files, and for credential helpers."""
TOKEN_USER = "<token>"
"""The username that credential helpers give where the secret is an identity token and no password."""
NOT_FOUND = "credentials not found in native keychain"
"""What every credential helper prints where it knows no login of a registry."""
HELPER_SECONDS = 60.0
"""Some helpers ask a cloud."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who somebody is for a registry."""

    username: str
    password: str = field(repr=False)
    """The identity token, where the username is TOKEN_USER."""
    source: str
    """Where it comes from, for people: a file, or a key of the settings."""

    @property
    def has_identity_token(self) -> bool:
        return self.username == TOKEN_USER


AskHelper = Callable[[str, str, Path], Login | None]
"""Asks a credential helper (its name, what the registry goes by, the file that names it) for a login."""


class _Entry(BaseModel):
    auth: str = ""
    identitytoken: str = ""


class _File(BaseModel):
    auths: dict[str, _Entry] = Field(default_factory=dict[str, _Entry])
    credential_helpers: dict[str, str] = Field(default_factory=dict[str, str], alias="credHelpers")
    credentials_store: str = Field(default="", alias="credsStore")


def find_login(address: str, environment: Mapping[str, str] = os.environ) -> Login | None:
    """Return this user's login for a registry; None where no file has one. Raise UserError for a file that can't be
    read, or a credential helper that fails.

    address: host[:port][/path]. environment: variables that say where the files are.
    """

    def ask(helper: str, server: str, path: Path) -> Login | None:
        return _ask_helper(helper, server, path, environment)

    for path in login_files(environment):
        text = _read(path, required=bool(environment.get("REGISTRY_AUTH_FILE")))
        if text and (login := login_in(text, address, path, ask)):
            return login
    return None


def login_files(environment: Mapping[str, str]) -> list[Path]:
    """Return the files that may hold logins, in the order in which these tools look."""
    if only := environment.get("REGISTRY_AUTH_FILE"):
        return [Path(only)]
    home = Path(environment.get("HOME") or Path.home())
    runtime = environment.get("XDG_RUNTIME_DIR")
    return [
        (Path(runtime, "containers") if runtime else Path(f"/run/containers/{os.getuid()}")) / "auth.json",
        Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json",
        Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json",
    ]


def login_in(text: str, address: str, path: Path, ask: AskHelper) -> Login | None:
    """Return the login that a file's text has for a registry: a credential helper goes before what stands in the file,
    and the longest path before shorter ones. path: of the file, for errors."""
    try:
        file = _File.model_validate_json(text or "{}")
    except ValidationError as error:
        # Neither the value nor the document: they hold passwords.
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "document"
        raise UserError(
            f"{path}: {key}: {first['msg']}; expected what `docker login` or `buildah login` write"
        ) from None
    helpers = {_normal(key): (key, name) for key, name in file.credential_helpers.items()}
    for name in _names(address):
        if name in helpers:
            key, helper = helpers[name]
            return ask(helper, DOCKER_HUB_KEY if name in DOCKER_HUB else key, path)
    if file.credentials_store and (found := ask(file.credentials_store, login_key(address), path)):
        return found
    entries = {_normal(key): (key, entry) for key, entry in file.auths.items()}
    logins = (_login(*entries[name], path) for name in _names(address) if name in entries)
    return next((login for login in logins if login), None)


def pull_secret_document(address: str, login: Login) -> str:
    """Return the `.dockerconfigjson` of a Secret of type kubernetes.io/dockerconfigjson, by which nodes pull from a
    registry. Raise UserError for an identity token, which nodes can't use."""
    if login.has_identity_token:
        raise UserError(
            f"registry {_host(address)}: {login.source} has an identity token, and nodes log in by user and password "
            "only: give them a user (or a robot account) that may pull, with its password or access token"
        )
    return login_document(address, login)


def login_document(address: str, login: Login | None) -> str:
    """Return what `buildah login` would write for this login alone. Secret."""
    if login is None:
        return json.dumps({"auths": {}})
    token = login.has_identity_token
    plain = f"{login.username}:{'' if token else login.password}"
    entry = {"auth": base64.b64encode(plain.encode()).decode()}
    return json.dumps({"auths": {login_key(address): {**entry, "identitytoken": login.password} if token else entry}})


def login_key(address: str) -> str:
    """Return what a registry goes by in the files, and for credential helpers."""
    return DOCKER_HUB_KEY if _host(address) in DOCKER_HUB else _host(address)


def _host(address: str) -> str:
    return address.partition("/")[0]


def _names(address: str) -> list[str]:
    """The address and those above it, the longest first: host/a/b, host/a, host."""
    parts = _normal(address).split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _normal(key: str) -> str:
    """A key as an address without a scheme. One that has a scheme means the whole host, as Docker once wrote it."""
    scheme, separator, rest = key.partition("://")
    host, slash, path = (rest if separator else scheme).partition("/")
    host = "docker.io" if host in DOCKER_HUB else host
    return host if separator else f"{host}{slash}{path}".rstrip("/")


def _login(key: str, entry: _Entry, path: Path) -> Login | None:
    if entry.identitytoken:
        return Login(username=TOKEN_USER, password=entry.identitytoken, source=str(path))
    if not entry.auth:
        return None
    try:
        username, colon, password = base64.b64decode(entry.auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        username = colon = password = ""
    if not (username and colon):
        raise UserError(
            f"{path}: auths.{key}.auth: expected the base64 text of USER:PASSWORD; "
            f"`docker login {_host(_normal(key))}` or `buildah login` writes it anew"
        )
    return Login(username=username, password=password.rstrip("\0"), source=str(path))


def _ask_helper(helper: str, server: str, path: Path, environment: Mapping[str, str]) -> Login | None:
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"],
            input=server,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = (
            "did not answer" if isinstance(error, subprocess.TimeoutExpired) else f"can't be run ({error.strerror})"
        )
        raise UserError(
            f"{path}: {program}, which has the login for {server}, {reason}: bring it onto PATH, or take it out of the "
            "file (credHelpers, credsStore) and log in again"
        ) from None
    if done.returncode != 0:
        message = " ".join((done.stdout or done.stderr).split())
        if NOT_FOUND in message:
            return None
        raise UserError(f"{path}: {program} failed for {server} (exit code {done.returncode}): {message}")
    try:
        answer = json.loads(done.stdout)
        return Login(username=answer["Username"], password=answer["Secret"], source=f"{path} ({program})")
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: {program} returned something else than a login for {server}") from None


def _read(path: Path, *, required: bool) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        if required:
            raise UserError(
                f"REGISTRY_AUTH_FILE names {path}, which is not there: `buildah login` writes it; or unset the variable"
            ) from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        if not required and not os.access(path.parent, os.X_OK):  # a folder of others: /run/containers is root's
            return None
        raise UserError(f"{path}, which may hold the registry's login, can't be read: {error}") from None

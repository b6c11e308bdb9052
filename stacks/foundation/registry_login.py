"""How this machine, and the nodes, come to a registry that somebody else runs. Imports nothing of the engine's SDK: the
commands ask before anything is begun."""

import os
from pathlib import Path

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from modules.registry.access import RegistryAccess
from modules.registry.logins import Login, find_login, login_files, pull_secret_document
from stacks.foundation.existing_settings import NO_LOGIN, OWN_LOGIN, RegistrySettings

KEY = "groundwork:foundation.registry"


def access_to(given: RegistrySettings) -> RegistryAccess:
    """Return how this machine comes to the registry that it pushes to. UserError where a file that is named is not
    there."""
    return RegistryAccess(
        ca=None if given.ca is None else _file(f"{KEY}.ca", given.ca),
        login=find_login(given.push),
        advice=f"see {KEY}.push, and .ca where its certificate is of a private authority",
    )


def pull_document(given: RegistrySettings) -> str | None:
    """Return what the pull secret holds, which is secret; None where nodes need no login. UserError where there is no
    login to give them."""
    if given.credentials == NO_LOGIN:
        return None
    address = given.contract().pull
    return pull_secret_document(address, _pull_login(given.credentials, address))


def _pull_login(credentials: str, address: str) -> Login:
    own = credentials == OWN_LOGIN
    file = None if own else _file(f"{KEY}.credentials", credentials)
    variables = os.environ if file is None else {"REGISTRY_AUTH_FILE": str(file)}
    if login := find_login(address, variables):
        return login
    looked = ", ".join(str(path) for path in login_files(variables))
    host = address.partition("/")[0]
    raise UserError(
        f"{KEY}.credentials is {credentials!r}, but there is no login for {host} in {looked}: run `docker login "
        f"{host}` or `buildah login {host}`, or set it to {NO_LOGIN!r} where nodes need none"
    )


def _file(key: str, given: str) -> Path:
    path = REPOSITORY / Path(given).expanduser()
    if not path.is_file():
        raise UserError(f"{key} is {given!r}: there is no file {path}")
    return path

"""What a stack's file must say together where somebody else runs the object store or the database."""

from collections.abc import Collection, Mapping

from pydantic import SecretStr

from modules.core.contracts import Consumer
from modules.core.external import ExternalSettings
from modules.core.settings import PROJECT, advice
from modules.database.external_settings import ExternalDatabaseSettings
from modules.database.service import DATABASE
from modules.storage.service import STORAGE
from stacks.services import DATA, SERVICES

WITH_DATABASE = sorted(service.name for service in SERVICES if service.needs.database)
"""Services that have a database where they are switched on."""
SET_SECRET = "pulumi config set --secret"


def check_groups(external: Mapping[str, ExternalSettings], given: Collection[str]) -> None:
    """Raise ValueError where a group describes a server that the platform does not run. given: the file's groups."""
    for name in sorted({service.name for service in DATA} & external.keys() & set(given)):
        raise ValueError(
            f"{name} describes a server in the cluster, but foundation.{name} names somebody else's: remove "
            f"{PROJECT}:{name}, or foundation.{name}"
        )


def missing_secrets(
    external: Mapping[str, ExternalSettings], secret_key: SecretStr | None, passwords: Collection[str]
) -> dict[str, str]:
    """Return the commands that set what logs in and is not set yet, by its key. passwords: whose are given."""
    missing: dict[str, str] = {}
    if STORAGE.name in external and secret_key is None:
        missing[f"{PROJECT}:storage_secret_key"] = f"{SET_SECRET} {PROJECT}:storage_secret_key"
    server = external.get(DATABASE.name)
    needed = server.passwords() if isinstance(server, ExternalDatabaseSettings) else set[str]()
    for name in sorted(needed - set(passwords)):
        key = f"{PROJECT}:database_passwords.{name}"
        missing[key] = f"{SET_SECRET} --path {key}"
    return missing


def check_store(external: Mapping[str, ExternalSettings], secret_key: SecretStr | None) -> None:
    """Raise ValueError where there is a secret of an access key, and no use for it."""
    if STORAGE.name not in external and secret_key is not None:
        raise ValueError("storage_secret_key is given, but foundation.storage names no object store: remove it")


def check_database(
    external: Mapping[str, ExternalSettings], passwords: Collection[str], consumers: Mapping[str, Consumer]
) -> None:
    """Raise ValueError where a service has no role, or a password is nobody's. passwords: whose are given."""
    server = external.get(DATABASE.name)
    if not isinstance(server, ExternalDatabaseSettings):
        for name in sorted(passwords):
            raise ValueError(f"database_passwords.{name} is given, but foundation.database names no server: remove it")
        return
    for name in sorted(server.roles.keys() - set(WITH_DATABASE)):
        raise ValueError(f"foundation.database.roles.{name}: no service with a database; {advice(name, WITH_DATABASE)}")
    needed = {name for name, consumer in consumers.items() if consumer.database}
    for name in sorted(needed - server.roles.keys()) if server.roles else ():
        raise ValueError(f"foundation.database.roles.{name} is missing: {name} needs a role and a database")
    for name in sorted(set(passwords) - server.passwords()):
        allowed = advice(name, sorted(server.passwords()))
        raise ValueError(f"database_passwords.{name} is of nobody in foundation.database; {allowed}")

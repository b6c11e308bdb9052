"""The environment's object store, from this machine."""

from dataclasses import dataclass
from typing import Any

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.core.paths import REPOSITORY
from modules.storage.service import STORAGE
from scripts.cli.clients import engine, kubectl
from scripts.cli.clients.forward import forwarded
from scripts.cli.environment import Environment
from stacks.services import logins

PORT = 8333
"""Of the object store that runs in the cluster."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """An access key and its secret."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return "Keys(...)"


def keys(environment: Environment) -> Keys:
    """Return the keys of the environment's administrator, or those that lead to somebody else's store."""
    if given := environment.settings.external_store:
        secret = engine.configuration(environment)["storage_secret_key"]
        return Keys(access_key_id=given.access_key_id, secret_access_key=secret)
    login = logins()[STORAGE.name]
    found = kubectl.secret(environment, namespace(environment.stack, login.namespace), login.secret)
    if found is None:
        raise UserError(
            f"stack {environment.stack}: its object store is not there: run `scripts/up {environment.stack}`"
        )
    return Keys(access_key_id=found[login.username], secret_access_key=found[login.password])


def store(environment: Environment) -> Any:
    """Return an S3 client of the environment's store, on this machine. One of the cluster's never asks a proxy."""
    import boto3  # a quarter of a second, which what only writes the keys does without
    from botocore.config import Config

    given = environment.settings.external_store
    address = given.endpoint if given else f"http://127.0.0.1:{_port(environment)}"
    found = keys(environment)
    retries: Any = {"mode": "standard", "total_max_attempts": 2}
    config = Config(proxies=None if given else {}, connect_timeout=5, read_timeout=30, retries=retries)
    library: Any = boto3  # generates its clients at run time: nothing to check types against
    return library.client(
        "s3",
        endpoint_url=address,
        region_name=given.region if given else "us-east-1",
        aws_access_key_id=found.access_key_id,
        aws_secret_access_key=found.secret_access_key,
        verify=str(REPOSITORY / given.ca) if given and given.ca else None,
        config=config,
    )


def _port(environment: Environment) -> int:
    """That the store of the cluster has on 127.0.0.1."""
    if environment.settings.existing:
        return forwarded(environment, STORAGE.name, PORT)
    port = environment.settings.of(STORAGE).local_port
    if port is None:
        raise UserError(
            f"groundwork:storage.local_port is null in stacks/Pulumi.{environment.stack}.yaml: this command reads the "
            f"object store from this machine, so give it a port and run `scripts/up {environment.stack}` again"
        )
    return port

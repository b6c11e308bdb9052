"""`groundwork env`: the exports that lead a shell's programs to a stack's environment."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.core.paths import REPOSITORY
from modules.mlflow.documents import credentials_file
from modules.storage.documents import KeyPair, shared_credentials
from modules.storage.service import STORAGE
from scripts.cli import kubeconfig, shell
from scripts.cli.clients import gateway, pins
from scripts.cli.clients.mlflow_auth import CREDENTIALS_FILE, PROVIDER
from scripts.cli.clients.store import PORT, keys
from scripts.cli.environment import Environment, shell_exports


def run(stack: str, foreign: Sequence[str] = ()) -> None:
    """`foreign`: variables of the calling shell that would take over, for it to unset."""
    environment = Environment(stack)
    pins.take_over(environment)
    variables = {**environment.variables(), **s3_variables(environment), **mlflow_variables(environment)}
    typer.echo(shell_exports(variables, removed=[*shell.PYTHON, *taking_over(environment, foreign)]))


def taking_over(environment: Environment, foreign: Sequence[str]) -> list[str]:
    """Return those of a person's variables that lead elsewhere: on AWS itself their own are who deploys."""
    kept = "AWS_" if environment.settings.aws and not environment.emulated else ()
    return [name for name in foreign if not name.startswith(kept)]


def s3_variables(environment: Environment) -> dict[str, str]:
    """Return what leads S3's clients to somebody else's store; where it is the platform's own, the environment has it.
    Write the keys, or print on stderr why there are none."""
    given = environment.settings.external_store
    if environment.settings.aws:  # S3 itself, by the keys that everything of the account is reached by
        return {}
    if reason := unpublished(environment):
        print(f"groundwork: no exports for S3, since {reason}", file=sys.stderr)
        return {}
    try:
        write_s3_credentials(environment)
    except UserError as error:
        print(f"groundwork: no S3 credentials yet: {error}", file=sys.stderr)
    if given is None:
        return {}
    own = {
        "AWS_REGION": given.region,
        "AWS_DEFAULT_REGION": given.region,
        "AWS_SHARED_CREDENTIALS_FILE": str(environment.s3_credentials),
        "AWS_CONFIG_FILE": os.devnull,
    }
    endpoint = {"AWS_ENDPOINT_URL_S3": given.endpoint} if given.endpoint else {}
    ca = {"AWS_CA_BUNDLE": str(REPOSITORY / given.ca)} if given.ca else {}
    return {**own, **endpoint, **ca}


def unpublished(environment: Environment) -> str | None:
    """Return why a shell of this machine has no way to the store; None where it has one."""
    settings = environment.settings
    if settings.existing and settings.external_store:
        if kubeconfig.asks_program(settings.existing):
            return "the kubeconfig's own program may need your AWS variables to get a token"
        return None
    if settings.existing:
        place = namespace(environment.stack, STORAGE.name)
        return f"it is in the cluster: `kubectl port-forward -n {place} service/{STORAGE.name} {PORT}` leads there"
    if settings.of(STORAGE).local_port is None:
        key = f"groundwork:storage.local_port is null in stacks/Pulumi.{environment.stack}.yaml"
        return f"{key}: the object store is not published"
    return None


def mlflow_variables(environment: Environment) -> dict[str, str]:
    """Return what lets MLflow's clients in, a file by name (scripts/cli/clients/mlflow_auth.py reads it), and whom they
    trust. Nothing before there is a gateway."""
    try:
        certificate = gateway.write_ca_certificate(environment)
        username, password = gateway.mlflow_login(environment)
    except UserError as error:
        print(f"groundwork: no login for MLflow yet: {error}", file=sys.stderr)
        return {}
    write_private(environment.mlflow_credentials, credentials_file(username, password))
    login = {"MLFLOW_TRACKING_AUTH": PROVIDER, CREDENTIALS_FILE: str(environment.mlflow_credentials)}
    if certificate is None:  # of somebody whom the machine trusts
        return login
    return {**login, "MLFLOW_TRACKING_SERVER_CERT_PATH": str(environment.ca_certificate)}


def write_s3_credentials(environment: Environment) -> None:
    """Puts the object store's administrator credentials where the exports say that they are."""
    found = keys(environment)
    pair = KeyPair(accessKey=found.access_key_id, secretKey=found.secret_access_key)
    write_private(environment.s3_credentials, shared_credentials(pair))


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner reads. The exports name it, so that no secret is in a process's arguments or
    environment, in a shell's history or on a screen."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)

"""`groundwork env`: the exports that lead a shell's programs to a stack's environment."""

import os
import sys
from collections.abc import Sequence

import typer

from modules.core.errors import UserError
from modules.storage.service import STORAGE
from scripts.cli import shell
from scripts.cli.clients import gateway, kubectl, pins
from scripts.cli.environment import Environment, shell_exports


def run(stack: str, foreign: Sequence[str] = ()) -> None:
    """`foreign`: variables of the calling shell that would take over, for it to unset."""
    environment = Environment(stack)
    pins.take_over(environment)
    if environment.settings.existing is None:  # nothing is published of a cluster that somebody else runs
        prepare_s3(environment)
    variables = {**environment.variables(), **mlflow_login(environment)}
    typer.echo(shell_exports(variables, removed=[*shell.PYTHON, *foreign]))


def prepare_s3(environment: Environment) -> None:
    if environment.settings.of(STORAGE).local_port is None:
        key = f"groundwork:storage.local_port is null in stacks/Pulumi.{environment.stack}.yaml"
        print(f"groundwork: no exports for S3, since {key}: the object store is not published", file=sys.stderr)
        return
    try:
        write_s3_credentials(environment)
    except UserError as error:
        print(f"groundwork: no S3 credentials yet: {error}", file=sys.stderr)


def mlflow_login(environment: Environment) -> dict[str, str]:
    """MLflow's clients take their login from variables only, and whom they trust; neither before there is a gateway."""
    try:
        access = gateway.write_ca_certificate(environment)
    except UserError as error:
        print(f"groundwork: no login for MLflow yet: {error}", file=sys.stderr)
        return {}
    login = {"MLFLOW_TRACKING_USERNAME": access.username, "MLFLOW_TRACKING_PASSWORD": access.password}
    if access.ca_certificate is None:  # of somebody whom the machine trusts
        return login
    return {**login, "MLFLOW_TRACKING_SERVER_CERT_PATH": str(environment.ca_certificate)}


def write_s3_credentials(environment: Environment) -> None:
    """Puts the object store's administrator credentials into a file that only its owner reads.

    The exports name the file, so that no secret is in a process's arguments, in a shell's history or on a screen.
    """
    found = kubectl.secret(environment, f"{environment.stack}-storage", "s3-admin")
    if found is None:
        raise UserError(f"stack {environment.stack}: it has no object store yet: run `scripts/up {environment.stack}`")
    path = environment.s3_credentials
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(found["credentials"])

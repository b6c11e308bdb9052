"""`groundwork env`: the exports that lead a shell's programs to a stack's environment."""

import os
import sys

import typer

from modules.core.errors import UserError

from . import gateway, kubectl
from .environment import Environment, shell_exports


def run(stack: str) -> None:
    environment = Environment(stack)
    try:
        write_s3_credentials(environment)
    except UserError as error:
        print(f"groundwork: no S3 credentials yet: {error}", file=sys.stderr)
    typer.echo(shell_exports({**environment.variables(), **mlflow_login(environment)}))


def mlflow_login(environment: Environment) -> dict[str, str]:
    """MLflow's clients take their login from variables only; none before there is a gateway."""
    try:
        access = gateway.write_authority(environment)
    except UserError as error:
        print(f"groundwork: no login for MLflow yet: {error}", file=sys.stderr)
        return {}
    return {"MLFLOW_TRACKING_USERNAME": access.username, "MLFLOW_TRACKING_PASSWORD": access.password}


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

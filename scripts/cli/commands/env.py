"""`groundwork env`."""

import typer

from scripts.cli.options import StackArgument

EXAMPLES = 'Example: `eval "$(scripts/env)"`, then `pulumi preview -s local`, `kubectl get pods -A`'


def env(context: typer.Context, stack: StackArgument = "local") -> None:
    """Print the exports with which plain `pulumi`, `kubectl`, S3 and MLflow clients talk to the environment."""
    from scripts.cli.lifecycle.exports import run

    run(stack, context.obj or ())

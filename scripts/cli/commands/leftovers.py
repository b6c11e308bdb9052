"""`groundwork leftovers`."""

from typing import Annotated

import typer

from scripts.cli.options import Json, StackArgument

EXAMPLES = "Examples: `groundwork leftovers aws-dev`, `AWS_PROFILE=auditor groundwork leftovers aws-dev --json`"


def leftovers(
    stack: StackArgument,
    region: Annotated[
        str | None, typer.Option("--region", help="Region, for an environment whose file is gone.", metavar="REGION")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds to wait for what AWS is still deleting.", min=0)
    ] = 300,
    as_json: Json = False,
) -> None:
    """List what an account of AWS still has of a stack, with its price per month. Exit code 1 where there is something.

    It asks AWS alone, never the state, and only reads: run it with other credentials than those that deploy.
    """
    from scripts.cli.lifecycle.leftovers.report import run

    if not run(stack, region=region, patience=timeout, as_json=as_json):
        raise typer.Exit(1)

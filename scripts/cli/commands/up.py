"""`groundwork up`."""

from typing import Annotated

import typer

from scripts.cli.options import Json, StackArgument

EXAMPLES = "Examples: `groundwork up`, `groundwork up test`, `groundwork up aws-dev --emulated`"


def up(
    stack: StackArgument = "local",
    emulated: Annotated[
        bool, typer.Option("--emulated", help="On an account of AWS that is emulated on this machine.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring everything up: tools, cluster, images, platform, a first trained and served model. Safe to run again."""
    from scripts.cli.lifecycle.up import run

    run(stack, emulated=emulated, as_json=as_json)

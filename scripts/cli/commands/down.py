"""`groundwork down`."""

from typing import Annotated

import typer

from scripts.cli.options import StackArgument, Yes

EXAMPLES = "Examples: `groundwork down`, `groundwork down test --yes`, `groundwork down --purge`"


def down(
    stack: StackArgument = "local",
    yes: Yes = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the caches too: the next `up` builds all again.")
    ] = False,
) -> None:
    """List the data to delete, confirm, destroy the platform and its cluster."""
    from scripts.cli.lifecycle.down import run

    run(stack, yes=yes, purge=purge)

"""`groundwork credentials`."""

from typing import Annotated

import typer

from scripts.cli.options import Json, StackOption

EXAMPLES = "Examples: `groundwork credentials storage`, `groundwork credentials --json`"


def credentials(
    service: Annotated[str | None, typer.Argument(help="Service; all of them when left out.")] = None,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Print how to log in to a service: address, user name, password. Shown only when asked for here."""
    from scripts.cli.lifecycle.credentials import run

    run(stack, service, as_json=as_json)

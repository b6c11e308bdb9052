"""`groundwork bundle create`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli.options import Json, StackOption
from scripts.cli.output import Commands

EXAMPLES = "Example: `groundwork bundle create groundwork.bundle`, then take the file to the other machine"

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Take a version to a machine without a network.")


@app.command("create", epilog=EXAMPLES)
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; one that is there is replaced.")],
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Write one signed file of all that this version needs from a network: toolchain, images, packages and SBOM."""
    from scripts.cli.lifecycle.bundle.create import create

    create(stack, file, as_json=as_json)

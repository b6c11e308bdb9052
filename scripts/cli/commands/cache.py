"""`groundwork cache push`."""

from typing import Annotated

import typer

from scripts.cli.options import Json, StackOption
from scripts.cli.output import Commands

EXAMPLES = "Examples: `groundwork cache push /mnt/cache`, `groundwork cache push s3://team-cache/groundwork`"

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Share what was built with other machines.")

Address = Annotated[
    str | None,
    typer.Argument(
        metavar="ADDRESS",
        help="Folder (its whole path), https://HOST/PATH or s3://BUCKET/PREFIX; otherwise that of GROUNDWORK_CACHE.",
        show_default=False,
    ),
]


@app.command("push", epilog=EXAMPLES)
def push(address: Address = None, stack: StackOption = "local", as_json: Json = False) -> None:
    """Put toolchain and images of a running stack into a cache, signed: other machines fetch them instead of building.

    They set GROUNDWORK_CACHE to its address, and GROUNDWORK_TRUSTED_KEYS to a file of the public key of who filled it.
    """
    from scripts.cli.lifecycle.artifacts import push

    push(stack, address, as_json=as_json)

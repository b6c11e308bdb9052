"""`groundwork images`, `groundwork images resolve`."""

import typer

from scripts.cli.options import Json, StackOption
from scripts.cli.output import Commands

EXAMPLES = "Examples: `groundwork images`, `groundwork images --json`, `groundwork images resolve`"

app = typer.Typer(cls=Commands, invoke_without_command=True)


@app.callback(epilog=EXAMPLES)
def images(context: typer.Context, stack: StackOption = "local", as_json: Json = False) -> None:
    """List the images of an environment, first- and third-party: name, version, source, digest."""
    from scripts.cli.lifecycle.images import show

    if context.invoked_subcommand is None:
        show(stack, as_json=as_json)


@app.command("resolve", epilog="Example: `groundwork images resolve`, then commit the list that it changed")
def resolve() -> None:
    """Ask registries for unresolved digests, and write those that they return. Exit code 1 if one is still not."""
    from scripts.cli.lifecycle.images import resolve_list

    resolve_list()

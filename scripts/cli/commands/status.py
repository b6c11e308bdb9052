"""`groundwork status`."""

from scripts.cli.options import Json, StackArgument

EXAMPLES = "Example: `groundwork status --json`"


def status(stack: StackArgument = "local", as_json: Json = False) -> None:
    """Show each service: its address, how to log in, real or simulated, healthy or why not."""
    from scripts.cli.lifecycle.status import run

    run(stack, as_json=as_json)

"""`groundwork start`."""

from scripts.cli.options import StackArgument

EXAMPLES = "Examples: `groundwork start`, `groundwork start test`"


def start(stack: StackArgument = "local") -> None:
    """Start a stopped cluster again, with all that was in it."""
    from scripts.cli.lifecycle.power import start as run

    run(stack)

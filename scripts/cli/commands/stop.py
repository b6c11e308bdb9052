"""`groundwork stop`."""

from scripts.cli.options import StackArgument

EXAMPLES = "Example: `groundwork stop && groundwork start`"


def stop(stack: StackArgument = "local") -> None:
    """Stop the cluster. All data and state are kept; `groundwork start` brings it back."""
    from scripts.cli.lifecycle.power import stop as run

    run(stack)

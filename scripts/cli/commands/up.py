"""`groundwork up`."""

from scripts.cli.options import Json, StackArgument

EXAMPLES = "Examples: `groundwork up`, `groundwork up test`"


def up(stack: StackArgument = "local", as_json: Json = False) -> None:
    """Bring everything up: tools, cluster, images, platform, a first trained and served model. Safe to run again."""
    from scripts.cli.lifecycle.up import run

    run(stack, as_json=as_json)

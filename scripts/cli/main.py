"""The `groundwork` command: registers the commands, one line each.

What a command does is imported when it runs, so that `--help` and `env` start in a moment.
"""

import os

import typer

from modules.core.errors import UserError
from scripts.cli.commands import (
    bundle,
    cache,
    canary,
    cluster,
    credentials,
    down,
    env,
    images,
    leftovers,
    open,
    preflight,
    release,
    reproduce,
    rollback,
    start,
    status,
    stop,
    train,
    up,
)
from scripts.cli.commands.pipeline import steps as pipeline
from scripts.cli.output import Commands
from scripts.cli.shell import claim

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # with it Typer imports Markdown and syntax highlighting for a help text
    help="A whole machine-learning platform in an environment, and versioned workloads on it.",
)
app.command(epilog=up.EXAMPLES)(up.up)
app.command(epilog=preflight.EXAMPLES)(preflight.preflight)
app.command(epilog=down.EXAMPLES)(down.down)
app.command(epilog=leftovers.EXAMPLES)(leftovers.leftovers)
app.command(epilog=stop.EXAMPLES)(stop.stop)
app.command(epilog=start.EXAMPLES)(start.start)
app.command(epilog=env.EXAMPLES)(env.env)
app.command(epilog=status.EXAMPLES)(status.status)
app.command(epilog=credentials.EXAMPLES)(credentials.credentials)
app.command("open", epilog=open.EXAMPLES)(open.open_)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=release.EXAMPLES)(release.release)
app.command(epilog=canary.EXAMPLES)(canary.canary)
app.command(epilog=rollback.EXAMPLES)(rollback.rollback)
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)
app.add_typer(images.app, name="images")
app.add_typer(cluster.app, name="cluster")
app.add_typer(cache.app, name="cache")
app.add_typer(bundle.app, name="bundle")
app.add_typer(pipeline.app, name="pipeline")


def main() -> None:
    """Entry point: a UserError is one readable paragraph and exit code 1."""
    try:
        app(prog_name="groundwork", obj=claim(os.environ))
    except UserError as error:
        from rich.console import Console

        Console(stderr=True).print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(1) from None

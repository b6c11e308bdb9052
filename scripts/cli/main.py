"""The `groundwork` command: its options and help. What the commands do is in the files beside this one.

Those are imported when a command runs, so that `--help` and `env` start in a moment.
"""

import os
from typing import Annotated

import typer

from modules.core.errors import UserError

from .output import Commands
from .pipeline import app as pipeline_app
from .shell import claim
from .workloads import register

STACK = Annotated[str, typer.Argument(help="Stack: an environment, stacks/Pulumi.<stack>.yaml.", show_default=True)]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # with it Typer imports Markdown and syntax highlighting for a help text
    help="A whole machine-learning platform in an environment, and versioned workloads on it.",
)
register(app)
images_app = typer.Typer(cls=Commands, invoke_without_command=True)
app.add_typer(images_app, name="images")
app.add_typer(pipeline_app, name="pipeline")


@app.command(epilog="Examples: `groundwork up`, `groundwork up test`")
def up(stack: STACK = "local", as_json: JSON = False) -> None:
    """Bring everything up: tools, cluster, images, platform, a first trained and served model. Safe to run again."""
    from .up import run

    run(stack, as_json=as_json)


@app.command(epilog="Examples: `groundwork down`, `groundwork down test --yes`, `groundwork down --purge`")
def down(
    stack: STACK = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask: the data named is deleted.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the caches too: the next `up` builds all again.")
    ] = False,
) -> None:
    """Name the data that goes, destroy the platform, stop the cluster, leave nothing running."""
    from .down import run

    run(stack, yes=yes, purge=purge)


@app.command(epilog="Example: `groundwork stop && groundwork start`")
def stop(stack: STACK = "local") -> None:
    """Stop the cluster. All data and state are kept; `groundwork start` brings it back."""
    from .power import stop as run

    run(stack)


@app.command()
def start(stack: STACK = "local") -> None:
    """Start a stopped cluster again, with all that was in it."""
    from .power import start as run

    run(stack)


@app.command(epilog='Example: `eval "$(scripts/env)"`, then `pulumi preview -s local`, `kubectl get pods -A`')
def env(context: typer.Context, stack: STACK = "local") -> None:
    """Print the exports with which plain `pulumi`, `kubectl`, S3 and MLflow clients talk to the environment."""
    from .exports import run

    run(stack, context.obj or ())


@app.command(epilog="Example: `groundwork status --json`")
def status(stack: STACK = "local", as_json: JSON = False) -> None:
    """Show each service: its address, how to log in, real or simulated, healthy or why not."""
    from .status import run

    run(stack, as_json=as_json)


@app.command(epilog="Examples: `groundwork credentials storage`, `groundwork credentials --json`")
def credentials(
    service: Annotated[str | None, typer.Argument(help="Service; all of them when left out.")] = None,
    stack: Annotated[str, typer.Option(help="Stack.")] = "local",
    as_json: JSON = False,
) -> None:
    """Print how to log in to a service: address, user name, password. Shown only when asked for here."""
    from .credentials import run

    run(stack, service, as_json=as_json)


@images_app.callback(epilog="Examples: `groundwork images`, `groundwork images --json`, `groundwork images resolve`")
def images(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Stack.")] = "local",
    as_json: JSON = False,
) -> None:
    """List the images of an environment, built here or of others: name, version, source, digest."""
    from .images import show

    if context.invoked_subcommand is None:
        show(stack, as_json=as_json)


@images_app.command("resolve", epilog="Example: `groundwork images resolve`, then commit the list that it changed")
def images_resolve() -> None:
    """Ask registries for the digests that are unresolved, and write what they tell. Exit code 1 if one is still not."""
    from .images import resolve_list

    resolve_list()


def main() -> None:
    """Entry point: a UserError is one readable paragraph and exit code 1."""
    try:
        app(prog_name="groundwork", obj=claim(os.environ))
    except UserError as error:
        from rich.console import Console

        Console(stderr=True).print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(1) from None

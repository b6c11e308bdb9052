"""`groundwork images`, `groundwork images resolve`, `groundwork images copy`, `groundwork images sbom`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli.options import Json, StackOption
from scripts.cli.output import Commands

EXAMPLES = "Examples: `groundwork images`, `groundwork images --json`, `groundwork images resolve`"
COPY_EXAMPLES = "Example: `docker login registry.example`, then `groundwork images copy --to registry.example/team/ml`"
SBOM_EXAMPLES = "Examples: `groundwork images sbom`, `groundwork images sbom serving --json > serving.cdx.json`"

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


@app.command("copy", epilog=COPY_EXAMPLES)
def copy(
    to: Annotated[str, typer.Option("--to", metavar="HOST[:PORT]/PATH", help="Registry and path to copy to.")],
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="HOST[:PORT]/PATH",
            help="Registry and path to copy from; otherwise that of the running stack.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(help="PEM file of CA certificates to trust besides this machine's.", exists=True, dir_okay=False),
    ] = None,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Copy the images of a stack to another registry, by digest: an environment that uses it builds nothing.

    Logins are those of `docker login` and `buildah login`. What is there already is not sent again.
    """
    from scripts.cli.lifecycle.image_copy import copy

    copy(stack, to=to, origin=origin, ca=ca, as_json=as_json)


@app.command("sbom", epilog=SBOM_EXAMPLES)
def sbom(
    image: Annotated[
        str | None, typer.Argument(metavar="[IMAGE]", help="One image; otherwise all of the stack.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="First make and sign those anew that are missing or refused.")
    ] = False,
    stack: StackOption = "local",
    as_json: Json = False,
) -> None:
    """Verify the SBOMs of a stack's images and list what they name: packages by kind, and the key that signed.

    With --json the CycloneDX document of one image, or the list. Exit code 1 if one is missing, or is not what a key
    signed that you trust.
    """
    from scripts.cli.lifecycle.sboms import show

    show(stack, image, renew=renew, as_json=as_json)

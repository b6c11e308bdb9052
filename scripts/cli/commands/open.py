"""`groundwork open`."""

from typing import Annotated

import typer

from scripts.cli.options import Json, StackOption

EXAMPLES = (
    "\b\nExamples:\n  groundwork open\n  groundwork open mlflow --stack team\n"
    "  groundwork open postgresql --stack team --port 5432 --no-browser"
)


def open_(
    service: Annotated[
        str | None, typer.Argument(help="Service, as `groundwork status` lists them; if left out, the landing page.")
    ] = None,
    *,
    stack: StackOption = "local",
    port: Annotated[
        int | None,
        typer.Option(
            min=1024,
            max=65535,
            help="Port on 127.0.0.1 to forward from; if not given, that of the settings, at which MLflow and Airflow "
            "expect their pages to be opened.",
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    as_json: Json = False,
) -> None:
    """Open a service in the browser: forward a port to it until Ctrl-C where nothing else leads there from outside."""
    from scripts.cli.lifecycle.opening import run

    run(stack, service, port=port, browser=not (no_browser or as_json), as_json=as_json)

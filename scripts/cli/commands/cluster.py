"""`groundwork cluster start`, `stop`, `delete` and `list`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli.options import Json, Yes
from scripts.cli.output import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    help="The embedded Kubernetes alone, with nothing of the platform in it.",
)
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Cluster: at most 20 lower-case letters, digits and dashes, a letter first."),
]


@app.command(
    epilog="Examples: `groundwork cluster start try`, `groundwork cluster start try --nodes 3 --network 10.90.0.0/16`, "
    '`eval "$(groundwork cluster start try)"`'
)
def start(
    name: Name,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            metavar="N",
            help="Nodes, 1 to 1000: one is real, all others are simulated. By default 1, or as many as before.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="RANGE",
            help="Private IPv4 range of its own, such as 10.90.0.0/16. By default a free one is chosen.",
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the kubeconfig to this file too: a new one, or one of this cluster."),
    ] = None,
) -> None:
    """Start a bare cluster, or one that was stopped, with its data. Print the exports that lead kubectl to it."""
    from scripts.cli.lifecycle.clusters import start as run

    run(name, nodes=nodes, network=network, kubeconfig=kubeconfig)


@app.command(epilog="Example: `groundwork cluster stop try`")
def stop(name: Name) -> None:
    """Stop a bare cluster: nothing of it runs, its data are kept for `groundwork cluster start`."""
    from scripts.cli.lifecycle.clusters import stop as run

    run(name)


@app.command(epilog="Examples: `groundwork cluster delete try`, `groundwork cluster delete try --yes`")
def delete(name: Name, yes: Yes = False) -> None:
    """Stop a bare cluster and remove its data, kubeconfig and all; confirm first."""
    from scripts.cli.lifecycle.clusters import delete as run

    run(name, yes=yes)


@app.command("list", epilog="Examples: `groundwork cluster list`, `groundwork cluster list --json`")
def list_clusters(as_json: Json = False) -> None:
    """List the bare clusters: state, nodes, version, address of the API server, context and kubeconfig."""
    from scripts.cli.lifecycle.clusters import show

    show(as_json=as_json)

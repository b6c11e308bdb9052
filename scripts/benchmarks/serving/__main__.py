"""`scripts/bench serving`: its options, its report."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from modules.core.errors import UserError
from scripts.benchmarks.serving import report
from scripts.benchmarks.serving.client import PACKAGE, PROGRAM
from scripts.benchmarks.serving.run import Plan, measured
from scripts.benchmarks.serving.servers import SERVERS, Server
from scripts.benchmarks.serving.stack import measured_on
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.host import ensure_packages


def main(
    *,
    only: Annotated[
        str, typer.Option(help="Names of servers, separated by commas; the first is what others are compared with.")
    ] = ",".join(server.name for server in SERVERS),
    clients: Annotated[str, typer.Option(help="Numbers of clients, each with one request at a time.")] = "1,8,64",
    rows: Annotated[str, typer.Option(help="Numbers of rows of a request.")] = "1,100",
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each measurement.")] = 10.0,
    warm_up: Annotated[float, typer.Option(min=0.1, help="Seconds before each measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, of which the medians are shown.")] = 3,
    stack: Annotated[
        str | None,
        typer.Option(
            help="Stack that is up and serves iris: a pod's first answer, and the gateway beside the direct way."
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option("--json", help="File that gets the figures as JSON.")] = None,
) -> None:
    """Measure one trained model in our server, MLServer, BentoML, mlflow and FastAPI, with one client, in turn.

    Each server has one worker and one core, the client another. Shows requests per second, milliseconds until the
    answer (p50, p99), p99 at half of the greatest load, memory, and seconds from the process's start to its first
    answer. The servers come from PyPI at locked versions, into the user's cache. As root it installs the client,
    h2load, where it is missing.

    Examples: scripts/bench serving

    scripts/bench serving --only ours,mlserver-onnx --clients 8 --rows 1 --seconds 2 --rounds 5 --json figures.json
    """
    cases = [(row, client) for row in numbers("--rows", rows) for client in numbers("--clients", clients)]
    servers, plan = chosen(only), Plan(cases, rounds, seconds, warm_up)
    with tempfile.TemporaryDirectory(prefix="groundwork-bench-") as name:
        ensure_packages(say, Path(name, "packages.log"), {PROGRAM: PACKAGE})
        subjects = measured(servers, plan, Path(name), say)
        deployed = measured_on(Environment(stack), plan, Path(name), say) if stack else None
    print("\n\n".join([report.tables(subjects), *([report.deployed_table(deployed)] if deployed else [])]))
    if to:
        found = {
            "cores": len(os.sched_getaffinity(0)),
            "seconds": seconds,
            "rounds": rounds,
            "servers": report.document(subjects),
            "stack": report.deployed_document(deployed) if deployed else None,
        }
        to.write_text(json.dumps(found, indent=2) + "\n")


def chosen(only: str) -> list[Server]:
    """Return the servers of these names, in their order. Raise UserError for others."""
    known = {server.name: server for server in SERVERS}
    names = only.split(",")
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"--only: {', '.join(unknown)} not known; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def numbers(option: str, text: str) -> Sequence[int]:
    """Return positive numbers from text such as `1,8`. Raise UserError for anything else."""
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"{option}: {text!r} is not a list of positive numbers such as 1,8")
    return sorted({int(part) for part in parts})


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that its servers end with it
    try:
        typer.run(main)
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None

"""`scripts/bench aws`: its options, its report."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from embedded.toolchain.build import ensure
from modules.core.paths import REPOSITORY
from modules.core.yaml_files import read_yaml
from scripts.benchmarks.aws.path import longest_path
from scripts.benchmarks.aws.platform import Run, platform

TIMES = Path(__file__).with_name("times.yaml")
GOALS = {"import": 1.5, "preview": 6.0, "up": 1.15}
"""Seconds, seconds, and wall clock beside the longest path."""


@dataclass(frozen=True)
class Figures:
    """Of one example. resources: how many the stack has. path, on_path: see `longest_path`."""

    imports: Sequence[float]
    up: Run
    previews: Sequence[Run]
    resources: int
    path: float
    on_path: Sequence[str]


def main(
    example: Annotated[str, typer.Argument(help="Example of stacks/ that is brought up.")] = "aws-dev",
    runs: Annotated[int, typer.Option(min=1, help="Previews, and imports; medians are shown.")] = 5,
    scale: Annotated[float, typer.Option(min=1, help="How many times as fast as AWS things are made.")] = 100.0,
    to: Annotated[Path | None, typer.Option("--json", help="File that gets the figures as JSON.")] = None,
) -> None:
    """Measure the platform on an emulated account, whose clusters and servers take as long as AWS's, scaled.

    The whole program of an example, on a bare Kubernetes API whose pods are simulated: seconds to import it, of `up`
    beside the longest path through what it makes, and of a preview that changes nothing.

    Example: scripts/bench aws --runs 3 --json figures.json
    """
    with tempfile.TemporaryDirectory(prefix="groundwork-bench-") as name:
        folder = Path(name)
        figures = measure(example, folder, ensure(say, folder / "tools.log"), runs, scale)
    found = document(figures, scale)
    print(table(found))
    if to:
        to.write_text(json.dumps(found, indent=2) + "\n")


def measure(example: str, folder: Path, tools: Path, runs: int, scale: float) -> Figures:
    """Bring an example up, and take it down with its account. folder: empty."""
    known: dict[str, dict[str, Any]] = read_yaml(TIMES.read_text(encoding="utf-8"), source=TIMES.name)
    scaled = {call: each["seconds"] / scale for call, each in known.items()}
    by_type = {each["resource"]: scaled[call] for call, each in known.items()}
    imports = [imported() for _ in range(runs)]
    with platform(example, folder, tools, scaled) as stack:
        say(f"up of {example}")
        up = stack.run("up", "--yes", "--skip-preview")
        resources = stack.resources()
        say("previews")
        previews = [stack.run("preview", "--expect-no-changes") for _ in range(runs)]
    path, names = longest_path(resources, by_type)
    return Figures(imports, up, previews, len(resources), path, names)


def imported() -> float:
    """Return the processor seconds until a program has imported what a stack on AWS is made of, in a new Python whose
    garbage collector is as the programs' host sets it."""
    program = (
        "import gc, time; gc.set_threshold(50_000); "
        "import pulumi, stacks.compose, stacks.configuration, stacks.foundation.aws; print(time.process_time())"
    )
    return float(subprocess.check_output([sys.executable, "-c", program], cwd=REPOSITORY, text=True))


def document(figures: Figures, scale: float) -> dict[str, Any]:
    """Return what was measured, and the goals: medians of seconds, and of processor seconds of the engine, the program
    and the providers."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "scale": scale,
        "resources": figures.resources,
        "goals": GOALS,
        "import": {"cpu": round(statistics.median(figures.imports), 2)},
        "preview": {
            "median": round(statistics.median(run.seconds for run in figures.previews), 2),
            "cpu": round(statistics.median(run.cpu for run in figures.previews), 2),
        },
        "up": {
            "seconds": round(figures.up.seconds, 2),
            "cpu": round(figures.up.cpu, 2),
            "path": round(figures.path, 2),
            "on_path": list(figures.on_path),
            "ratio": round(figures.up.seconds / figures.path, 2),
        },
    }


def table(found: dict[str, Any]) -> str:
    """Return it for people."""
    preview, up = found["preview"], found["up"]
    lines = [
        f"{'':36}{'seconds':>9}{'processor s':>13}{'goal':>16}",
        f"{'import of the program':36}{'':9}{found['import']['cpu']:13.2f}{GOALS['import']:>14.2f} s",
        f"{'preview, nothing to change':36}{preview['median']:9.2f}{preview['cpu']:13.2f}{GOALS['preview']:>14.2f} s",
        f"{'up':36}{up['seconds']:9.2f}{up['cpu']:13.2f}{GOALS['up'] * up['path']:>14.2f} s",
        f"{'longest path':36}{up['path']:9.2f}   {', '.join(up['on_path'])}",
        f"{found['resources']} resources; {found['cores']} cores, load {found['load']}; "
        f"the account makes things {found['scale']:g} times as fast as AWS",
    ]
    return "\n".join(lines)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)

"""`scripts/bench`: measures, prints a table, and writes the same as JSON."""

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from embedded.toolchain.build import ensure

from .controlplane import ControlPlane
from .kubernetes import Bench
from .report import document, table


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures the Kubernetes provider stand-in.")
    parser.add_argument("--count", type=int, default=300, help="Deployments (default 300)")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the medians are shown (default 5)")
    parser.add_argument("--json", type=Path, help="where the figures go as JSON")
    parser.add_argument("--only-plain", action="store_true", help="without waiting, and without twice the objects")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it, it ends its control plane
    with tempfile.TemporaryDirectory(prefix="groundwork-bench-") as name:
        folder = Path(name)
        bin_dir = Path(os.environ.get("GROUNDWORK_BIN") or ensure(say, folder / "toolchain.log"))
        plane = ControlPlane(bin_dir, folder / "plane", nodes=5)
        plane.start()
        try:
            bench = Bench(plane, folder, say)
            more = not chosen.only_plain
            try:
                bench.run(chosen.count, runs=chosen.runs, awaited=more, twice=more)
            except KeyboardInterrupt:
                if "up" not in bench.figures.runs:
                    raise
                say("interrupted: these are the figures so far")
        finally:
            plane.stop()
    print(table(bench.figures))
    if chosen.json:
        chosen.json.write_text(json.dumps(document(bench.figures), indent=2) + "\n")


main()

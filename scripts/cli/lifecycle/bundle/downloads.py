"""Runs what downloads a part of a bundle."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from modules.core.errors import UserError


def download(command: Sequence[str], what: str, log: Path) -> None:
    """Run a package client; its output goes to the log. Raise UserError, which names the log, where it fails."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("a") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise UserError(
            f"bundle: downloading {what} failed (exit code {done.returncode}): see {log}, then run it again"
        )

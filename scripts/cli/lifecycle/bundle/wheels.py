"""The Python packages of a bundle: uv itself, what uv.lock names, and what installs this repository's own package."""

import re
import subprocess
from pathlib import Path

from modules.core.paths import REPOSITORY
from modules.registry.images import find_uv
from scripts.cli.lifecycle.bundle.downloads import download

REQUIREMENTS = "requirements.txt"
BUILD = ("hatchling", "editables")
"""The build system of pyproject.toml, and what it needs to install a checkout in place."""


def collect(folder: Path, log: Path) -> int:
    """Download the wheels for this machine's Python and processor; return how many. UserError, which names the log,
    where one can't be had."""
    folder.mkdir()
    export = [find_uv(), "export", "-q", "--frozen", "--no-emit-project", "--no-header", "--no-annotate"]
    locked = subprocess.run(export, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    (folder / REQUIREMENTS).write_text(locked)
    _download(folder, log, "--no-deps", "--require-hashes", "-r", str(folder / REQUIREMENTS))
    _download(folder, log, f"uv=={uv_release()}", *BUILD)
    return len(list(folder.glob("*.whl")))


def uv_release() -> str:
    """Return the release of uv that scripts/bootstrap installs."""
    found = re.search(r"^UV_VERSION=(\S+)", (REPOSITORY / "scripts/bootstrap").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError("scripts/bootstrap names no UV_VERSION")
    return found.group(1)


def _download(folder: Path, log: Path, *arguments: str) -> None:
    python = Path(find_uv()).resolve().with_name("python")  # that of the environment which has pip: uv's own
    command = [
        str(python),
        "-I",
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "-d",
        str(folder),
    ]
    download([*command, *arguments], "Python packages", log)

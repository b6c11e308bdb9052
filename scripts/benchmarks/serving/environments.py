"""Python environments of what is measured, each made once from a lock file with hashes and kept in the user's cache."""

import hashlib
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY, cache_home
from modules.registry.images import find_uv

OTHERS = Path(__file__).parent / "environments"
"""A project of uv's with one group a server beside ours."""
OURS = "serving"
"""The group of the repository's own lock file that the serving image is made from."""
COMPLETE = ".complete"


def environment(group: str) -> Path:
    """Return the folder of a group's environment; made where there is none of these very versions yet."""
    project = REPOSITORY if group == OURS else OTHERS
    content = b"\0".join([(project / "uv.lock").read_bytes(), group.encode(), sys.version.encode()])
    folder = cache_home() / "bench" / f"{group}-{hashlib.sha256(content).hexdigest()[:16]}"
    if not (folder / COMPLETE).exists():
        _make(group, project, folder)
        (folder / COMPLETE).touch()
    return folder


def version(folder: Path, package: str) -> str:
    """Return the version of a package in an environment. Raise UserError where it is not in it."""
    paths = [str(path) for path in folder.glob("lib/python*/site-packages")]
    for found in distributions(name=package, path=paths):
        return found.version
    raise UserError(f"{folder}: {package} is not in this environment: remove the folder and run the command again")


def _make(group: str, project: Path, folder: Path) -> None:
    """What is compiled now is not compiled while a server's start is measured."""
    options = ("--only-group", group, "--no-install-project", "--compile-bytecode", "--python", sys.executable)
    command = [find_uv(), "sync", "-q", "--frozen", *options]
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"bench: the environment {group!r} can't be made in {folder}: {done.stderr.strip()}")

"""Which Python runs a program: what Pulumi.yaml's runtime options `virtualenv` and `toolchain` say.

The rules are the official language host's: `uv` uses the environment beside uv.lock or pyproject.toml, `poetry` asks
poetry, anything else the named virtualenv or, without one, the python on PATH.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLCHAINS = ("pip", "poetry", "uv")


class OptionError(Exception):
    """A runtime option that can't be followed, and what would help."""


@dataclass(frozen=True)
class Interpreter:
    """python: the executable. virtualenv: its environment, None for the python on PATH."""

    python: str
    virtualenv: Path | None

    def environment(self) -> dict[str, str]:
        """This process's variables, with the environment activated."""
        variables = dict(os.environ)
        if self.virtualenv is not None:
            variables.pop("PYTHONHOME", None)
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables["PATH"] = os.pathsep.join([str(self.virtualenv / "bin"), variables.get("PATH", "")])
        return variables


def choose(root: Path, options: Mapping[str, Any], *, default_virtualenv: str = "") -> Interpreter:
    """root: the folder of Pulumi.yaml. default_virtualenv: for plugins, which never use the python on PATH."""
    toolchain, virtualenv = _text(options, "toolchain"), _text(options, "virtualenv") or default_virtualenv
    if toolchain not in ("", *TOOLCHAINS):
        raise OptionError(f"runtime.options.toolchain is {toolchain!r}; allowed are {', '.join(TOOLCHAINS)}")
    if _text(options, "typechecker"):
        raise OptionError("runtime.options.typechecker is not offered by this stand-in: run the type checker by itself")
    if toolchain == "uv":
        return _in_virtualenv(root / virtualenv if virtualenv else uv_environment(root), "uv sync")
    if toolchain == "poetry":
        return _in_virtualenv(_poetry_environment(root), "poetry install")
    if virtualenv:
        return _in_virtualenv(root / virtualenv, "pulumi install")
    return Interpreter(_on_path(), None)


def uv_environment(root: Path) -> Path:
    """Beside the nearest uv.lock, else the nearest pyproject.toml, else in the project itself."""
    folders = (root, *root.parents)
    marked = (folder for name in ("uv.lock", "pyproject.toml") for folder in folders if (folder / name).exists())
    return next(marked, root) / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv")


def _text(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name) or ""
    if not isinstance(value, str):
        raise OptionError(f"runtime.options.{name} is {value!r}; it must be a string")
    return value


def _in_virtualenv(folder: Path, remedy: str) -> Interpreter:
    python = folder / "bin" / "python"
    if not python.exists():
        what = "is not a virtual environment" if folder.exists() else "does not exist"
        raise OptionError(f"runtime.options: the virtual environment {folder} {what}; `{remedy}` makes it")
    return Interpreter(str(python), folder)


def _poetry_environment(root: Path) -> Path:
    try:
        done = subprocess.run(["poetry", "env", "info", "--path"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OptionError(f"runtime.options.toolchain is 'poetry', but poetry names no environment: {error}") from None
    return Path(done.stdout.strip())


def _on_path() -> str:
    for name in (os.environ.get("PULUMI_PYTHON_CMD") or "python3", "python3", "python"):
        if found := shutil.which(name):
            return found
    raise OptionError("no python3 on PATH; set runtime.options.virtualenv in Pulumi.yaml")

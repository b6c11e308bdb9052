"""How the files of `groundwork` may import each other, what its start may load, and what all its commands show."""

import re
import subprocess
import sys
from collections.abc import Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import typer

from modules.core.paths import REPOSITORY
from scripts.cli.main import app

from .layers_test import imports, sources

CLI = "scripts.cli"
HEAVY = {
    *("boto3", "botocore", "httpx", "jinja2", "mlflow", "pulumi", "pulumi_kubernetes", "pydantic", "rich", "yaml"),
    *("asyncio", "embedded", "stacks", "workloads"),
}
"""What no command needs before it is known which one runs."""


@cache
def imported() -> dict[str, set[str]]:
    """The other files of the command that each of them imports, by dotted name below scripts.cli, wherever in it."""
    files = {_name(path): path for path in sources("scripts/cli") if path.stem not in {"__main__", "__init__"}}
    return {name: _files_among(imports(path), files.keys()) - {name} for name, path in files.items()}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY / "scripts/cli").with_suffix("").parts)


def _files_among(names: Set[str], files: Set[str]) -> set[str]:
    below = {name.removeprefix(f"{CLI}.") for name in names if name.startswith(f"{CLI}.")}
    return {file for file in files for name in below if name == file or name.startswith(f"{file}.")}


def loaded_by(modules: str) -> set[str]:
    """Top-level packages that an interpreter has once it imported these."""
    program = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_no_files_of_the_command_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(imported()).prepare()
    except CycleError as error:
        pytest.fail(f"imported in a circle: {' <- '.join(error.args[1])}")


FLOORS = ("commands", "lifecycle", "delivery", "clients")
"""The directories of the command: each may import those after it, and the files beside them."""


@pytest.mark.parametrize("floor", FLOORS)
def test_a_directory_imports_only_those_below_it(floor: str) -> None:
    above = FLOORS[: FLOORS.index(floor)]
    upwards = [
        f"{name} imports {other}"
        for name, others in imported().items()
        if name.startswith(f"{floor}.")
        for other in sorted(others)
        if other.startswith(tuple(f"{each}." for each in above))
    ]
    assert upwards == []


def test_files_beside_the_directories_import_none_of_them() -> None:
    inner = {name for name in imported() if "." not in name} - {"main", "bench", "running"}
    assert {other for name in inner for other in imported()[name] if "." in other} == set()


def test_nothing_imports_the_registration_of_the_commands() -> None:
    assert [name for name, others in imported().items() if "main" in others] == []


def test_help_starts_without_what_the_commands_need() -> None:
    assert loaded_by(f"{CLI}.main") & HEAVY == set()


def test_only_the_engine_loads_the_sdk_of_pulumi() -> None:
    every = ", ".join(f"{CLI}.{name}" for name in imported())
    assert {name for name in loaded_by(every) if name.startswith("pulumi")} == set()


def commands() -> dict[str, Any]:
    """Return each command by its name, those of a group by both words."""
    found: dict[str, Any] = {}
    group: Any = typer.main.get_group(app)
    for name, command in group.commands.items():
        inner = getattr(command, "commands", {})
        found.update({f"{name} {each}": inner[each] for each in inner} or {name: command})
    return found


COMMANDS = commands()
TYPED = {name: (f"groundwork {name}", f"scripts/{name}") for name in COMMANDS if not name.startswith("pipeline ")}
"""What people type; a step of a pipeline is typed by a build server."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_and_its_options_do(name: str) -> None:
    assert COMMANDS[name].help
    assert all(parameter.help for parameter in COMMANDS[name].params)


@pytest.mark.parametrize("name", TYPED)
def test_a_command_shows_an_example_with_no_options_but_its_own(name: str) -> None:
    examples = COMMANDS[name].epilog or ""
    assert any(typed in examples for typed in TYPED[name])
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", examples)) <= options


@pytest.mark.parametrize("name", TYPED)
def test_the_readme_names_each_command(name: str) -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert any(typed in readme for typed in TYPED[name])

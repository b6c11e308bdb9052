"""How the files of the `groundwork` command may import each other, and what its start may load."""

import subprocess
import sys
from collections.abc import Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY

from .layers_test import imports, sources

CLI = "scripts.cli"
HEAVY = {
    *("boto3", "botocore", "httpx", "jinja2", "mlflow", "pulumi", "pulumi_kubernetes", "pydantic", "rich", "yaml"),
    *("asyncio", "embedded", "stacks", "workloads"),
}
"""What no command needs before it is known which one runs."""


def imported() -> dict[str, set[str]]:
    """The other files of the command that each of them imports, by dotted name below scripts.cli, wherever in it."""
    files = {_name(path): path for path in sources("scripts/cli") if path.stem not in {"__main__", "__init__"}}
    return {name: _files_among(imports(path), files.keys()) - {name} for name, path in files.items()}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY / "scripts/cli").with_suffix("").parts)


def _files_among(names: set[str], files: Set[str]) -> set[str]:
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

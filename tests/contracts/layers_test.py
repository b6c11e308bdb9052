"""Which directory may import which, and who may read what; read from the sources, so that lazy imports count too."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY

ROOMS = ("embedded", "modules", "policies", "scripts", "stacks", "workloads")
CLOUD_SDKS = {"pulumi_aws", "pulumi_gcp", "pulumi_azure_native", "boto3", "botocore", "google"}
MODULES = sorted(path.parent.name for path in (REPOSITORY / "modules").glob("*/__init__.py"))


def sources(*directories: str) -> Iterator[Path]:
    """Python files of these directories; what is copied into images (files/) is no part of the program."""
    for directory in directories:
        for path in sorted((REPOSITORY / directory).rglob("*.py")):
            if "files" not in path.parts:
                yield path


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of all that a file imports, wherever in it."""
    package = path.relative_to(REPOSITORY).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else ())))
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def violations(paths: Iterator[Path], forbidden: set[str]) -> list[str]:
    """`file imports name` for each import of a forbidden package or of something inside it."""
    return [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in paths
        for name in sorted(imports(path))
        if any(name == prefix or name.startswith(f"{prefix}.") for prefix in forbidden)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_no_sibling(module: str) -> None:
    siblings = {f"modules.{other}" for other in MODULES if other not in {module, "core"}}
    assert violations(sources(f"modules/{module}"), siblings) == []


def test_core_imports_no_other_room() -> None:
    others = {f"modules.{name}" for name in MODULES if name != "core"} | (set(ROOMS) - {"modules"})
    assert violations(sources("modules/core"), others) == []


def test_modules_know_neither_stacks_nor_workloads_nor_the_machine() -> None:
    assert violations(sources("modules"), {"stacks", "workloads", "scripts", "policies", "embedded"}) == []


def test_workloads_know_only_core() -> None:
    others = {f"modules.{name}" for name in MODULES if name != "core"}
    assert violations(sources("workloads"), {"stacks", "scripts", "policies", "embedded", *others}) == []


def test_policies_know_only_core() -> None:
    others = {f"modules.{name}" for name in MODULES if name != "core"}
    assert violations(sources("policies"), {"stacks", "scripts", "embedded", "workloads", *others}) == []


def test_the_embedded_environment_knows_only_core() -> None:
    others = {f"modules.{name}" for name in MODULES if name != "core"}
    assert violations(sources("embedded"), {"stacks", "scripts", "policies", "workloads", *others}) == []


def test_only_stacks_reads_the_configuration() -> None:
    readers = {"pulumi.Config", "pulumi.config", "pulumi.runtime.config", "pulumi.get_stack", "pulumi.StackReference"}
    assert violations(sources("modules", "workloads", "policies"), readers) == []
    for path in sources("modules", "workloads", "policies"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_reader = isinstance(node, ast.Attribute) and node.attr in {"Config", "get_stack", "StackReference"}
            assert not (is_reader and ast.unparse(node).startswith("pulumi.")), path


def test_cloud_sdks_are_imported_by_the_file_of_that_cloud_only() -> None:
    """Its name is the cloud's, or ends in it."""
    clouds = {"aws", "gcp"}
    programs = (path for path in sources("modules", "stacks") if path.stem.rpartition("_")[2] not in clouds)
    assert violations(programs, CLOUD_SDKS) == []


def test_a_local_stack_loads_no_cloud_sdk() -> None:
    program = "import sys, stacks.compose, stacks.foundation.embedded; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    for sdk in CLOUD_SDKS - {"google"}:  # the namespace of protobuf too
        assert f"'{sdk}'" not in loaded

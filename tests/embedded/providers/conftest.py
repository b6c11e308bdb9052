"""A bare control plane of their own for the tests that need an API server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.toolchain.build import ensure

from .controlplane import ControlPlane
from .project import Project

NEEDS = ("control_plane", "toolchain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and any(name in getattr(item, "fixturenames", ()) for name in NEEDS):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built binaries; GROUNDWORK_BIN names another one."""
    chosen = os.environ.get("GROUNDWORK_BIN")
    if chosen:
        return Path(chosen)
    return ensure(lambda _: None, tmp_path_factory.mktemp("toolchain") / "log")


@pytest.fixture(scope="session")
def control_plane(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(toolchain, tmp_path_factory.mktemp("plane"), nodes=2)
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def kubectl(toolchain: Path, control_plane: ControlPlane):
    """Runs kubectl as another manager than the provider."""

    def run(*arguments: str, stdin: str | None = None) -> str:
        command = [str(toolchain / "kubectl"), "--kubeconfig", str(control_plane.kubeconfig), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture
def project(tmp_path: Path, toolchain: Path, control_plane: ControlPlane) -> Project:
    made = Project(tmp_path, toolchain, str(control_plane.kubeconfig))
    made.write("")
    made.run("stack", "init", "dev")
    return made

"""The stack `test`: brought up once for the whole run, by the same command as a person's, and taken down at its end."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.cluster import Cluster
from modules.core.paths import REPOSITORY
from scripts.cli.environment import Environment
from scripts.cli.up import cluster_of

STACK = "test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.integration)


def run(
    *command: str, check: bool = True, env: dict[str, str] | None = None, timeout: float = 1500
) -> "subprocess.CompletedProcess[str]":
    """Runs a command at the root of the repository; its output is in the failure when it fails."""
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(command)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def platform() -> Iterator[Environment]:
    """A platform that was just brought up from nothing."""
    run("scripts/down", STACK, "--yes")
    run("scripts/up", STACK)
    yield Environment(STACK)
    run("scripts/down", STACK, "--yes")


@pytest.fixture(scope="session")
def cluster(platform: Environment) -> Cluster:
    return cluster_of(platform)


@pytest.fixture(scope="session")
def shell(platform: Environment) -> dict[str, str]:
    """What `eval "$(scripts/env test)"` gives."""
    return platform.process_environment()

"""The stack `test`: brought up once for the whole run, by the same command as a person's, and taken down at its end."""

import os
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded.cluster import Cluster
from embedded.cluster.processes import alive
from modules.core.paths import REPOSITORY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import STACKS, cluster_of, settings_file
from stacks.configuration import parse

from .idle import idle

STACK = "test"
IMAGES = parse(yaml.safe_load((STACKS / f"{STACK}.example.yaml").read_text())["config"], source=STACK).images()
"""What it runs of this repository's images."""
PARTS = "ps -ww -eo args | grep -E 'groundwork[-/]{name}|--stack {name}' | grep -v grep"
"""Every part of the cluster, and what runs beside it, names it or a file of it; pods end with their namespaces."""


INTERRUPTIBLE = ("env", "--default-signal=INT")
"""What a shell starts in the background ignores an interrupt, and so do its children: begins the command of one that
is interrupted."""


LAST = ("continuous_test.py", "zero_left_test.py")
"""They change what serves, and end the platform: after all others, in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        return LAST.index(item.path.name) + 1 if item.path.parent == here and item.path.name in LAST else 0

    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.integration)
    items.sort(key=place)


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


@contextmanager
def address_of_this_machine(address: str) -> Generator[None]:
    """Give this machine one more address for a while, at which pods reach it as they reach other machines."""
    run("ip", "address", "add", f"{address}/32", "dev", "lo")
    try:
        yield
    finally:
        run("ip", "address", "delete", f"{address}/32", "dev", "lo")


@dataclass(frozen=True)
class Traces:
    """What a cluster could leave behind on this machine."""

    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    routes: frozenset[str]
    namespaces: frozenset[str]
    cgroups: frozenset[str]
    tables: frozenset[str]

    @classmethod
    def now(cls, name: str = STACK) -> "Traces":
        """name: of a stack, or a bare cluster."""
        return cls(
            processes=_lines(PARTS.format(name=name)),
            mounts=_lines("cut -d' ' -f2,3 /proc/self/mounts"),
            links=_lines("ip -o link | cut -d: -f2"),
            routes=_lines("ip -4 route show table all"),
            namespaces=_namespaces(),
            cgroups=_lines("find /sys/fs/cgroup -name 'groundwork*' -prune"),
            tables=_lines("nft list tables"),
        )


def _lines(command: str) -> frozenset[str]:
    return frozenset(
        subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False).stdout.splitlines()
    )


def _namespaces() -> frozenset[str]:
    """Kind and command of each; not of those whose last process has ended and waits for this machine's first one."""
    rows = (line.split(None, 2) for line in _lines("lsns -n -o TYPE,PID,COMMAND"))
    return frozenset(f"{kind} {what}" for kind, pid, what in rows if kind in {"pid", "ipc", "uts"} and alive(int(pid)))


@pytest.fixture(scope="session")
def before() -> Traces:
    """This machine without the stack."""
    run("scripts/down", STACK, "--yes")
    settings_file(STACK).unlink(missing_ok=True)  # those of a run of the tests that was killed
    return Traces.now()


@pytest.fixture(scope="session")
def platform(before: Traces) -> Iterator[Environment]:  # noqa: ARG001  taken before anything starts
    """A platform that was just brought up from nothing."""
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


@pytest.fixture
def training(platform: Environment) -> Iterator[str]:
    """A pod with the labels and the image of a training."""
    namespace = f"{STACK}-iris-training"
    job = kubectl.get(platform, "cronjob", "iris-train", "-n", namespace)
    assert job is not None
    template: dict[str, Any] = job["spec"]["jobTemplate"]["spec"]["template"]
    with idle(platform, namespace, "idle-training", template["spec"], template["metadata"]["labels"]) as pod:
        yield pod

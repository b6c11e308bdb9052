"""Somebody else's cluster, and a stack on it whose file says something wrong."""

import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded.cluster import Cluster
from modules.core.images import lock_file
from modules.core.paths import REPOSITORY
from scripts.cli.clients import engine
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.clusters import BareCluster, existing
from scripts.cli.lifecycle.preflight import checks
from scripts.cli.lifecycle.preflight.findings import Finding
from scripts.cli.lifecycle.up import up_of
from stacks.foundation.rights import Document
from tests.scripts.cli.fakes import quiet

from .conftest import run
from .pods import kubectl

CLUSTER, NETWORK = "preflight-test", "10.84.0.0/16"
NODE = NETWORK.removesuffix("0.0/16") + "0.1"
STACK = "wrong"
STACK_FILE = REPOSITORY / "stacks" / f"Pulumi.{STACK}.yaml"
OURS = {"app.kubernetes.io/part-of": "groundwork", "groundwork.dev/environment": STACK}


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """Somebody else's cluster."""
    run("scripts/cluster", "delete", CLUSTER, "--yes")
    run("scripts/cluster", "start", CLUSTER, "--network", NETWORK)
    yield existing(BareCluster(CLUSTER))
    run("scripts/cluster", "delete", CLUSTER, "--yes")


@dataclass(frozen=True)
class Team:
    """A stack on it, whose data is in a folder of the test."""

    bare: Cluster
    folder: Path

    def settle(self, *, config: dict[str, Any] | None = None, **foundation: Any) -> Environment:
        """Write the stack's file; return the stack, as `preflight` has it before its checks, engine and kubectl too."""
        given = {
            "target": "existing",
            "context": self.bare.name,
            "kubeconfig": str(self.bare.kubeconfig),
            "registry": {"push": f"{NODE}:5000/groundwork", "ca": str(self.bare.ca)},
            **foundation,
        }
        settings: dict[str, Any] = {
            "groundwork:jenkins": {"enabled": False},
            "groundwork:workloads": {"iris": {}},
            **(config or {}),
        }
        STACK_FILE.write_text(yaml.safe_dump({"config": {"groundwork:foundation": given, **settings}}))
        environment = Environment(STACK)
        environment.prepare()
        up_of(environment).toolchain(quiet)
        return environment

    def check(self, **given: Any) -> list[Finding]:
        return found(self.settle(**given))


@pytest.fixture
def team(bare: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(bare.layout.registry_login))
    yield Team(bare, tmp_path)
    for path in (STACK_FILE, lock_file(STACK)):
        path.unlink(missing_ok=True)


def set_secrets(environment: Environment, values: Mapping[str, str]) -> None:
    """Encrypt these in the stack's file, by their path, as people do."""
    engine.ensure_stack(environment)
    for path, value in values.items():
        subprocess.run(
            ["pulumi", "config", "set", "--secret", "--path", path, "-s", environment.stack, "--non-interactive"],
            input=value,
            env=environment.process_environment(),
            cwd=REPOSITORY,
            text=True,
            check=True,
        )


def found(environment: Environment) -> list[Finding]:
    assert environment.settings.existing
    return checks.run(environment, environment.settings.existing)


def refusal(findings: list[Finding], check: str) -> str:
    """The one finding that refuses, in words; of that check."""
    wrong = [each for each in findings if each.state == "refused"]
    assert [each.check for each in wrong] == [check], findings
    assert wrong[0].action
    return str(wrong[0])


@contextmanager
def applied(bare: Cluster, *documents: Document) -> Generator[None]:
    """The admin's objects, for a while."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    kubectl(bare, "apply", "-f-", document=listed)
    try:
        yield
    finally:
        kubectl(bare, "delete", "-f-", "--ignore-not-found", document=listed)


def namespace(name: str, **metadata: Any) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def admins(**metadata: Any) -> list[Document]:
    """The namespaces, made by an admin."""
    return [namespace(name, **metadata) for name in Environment(STACK).settings.namespaces(STACK)]

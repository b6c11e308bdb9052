"""What a person gets wrong is refused in words, before anything is changed."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.paths import REPOSITORY

from .conftest import run

STACK = "wrong"
STACK_FILE = REPOSITORY / "stacks" / f"Pulumi.{STACK}.yaml"
EXAMPLE = REPOSITORY / "stacks" / "local.example.yaml"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Where the stack would keep its data; the settings file is gone afterwards."""
    yield tmp_path / "data"
    STACK_FILE.unlink(missing_ok=True)


def up(data: Path, config: dict[str, Any], *prefix: str) -> str:
    """What `up` says when it refuses these settings on top of the example's."""
    example = yaml.safe_load(EXAMPLE.read_text())["config"]
    STACK_FILE.write_text(yaml.safe_dump({"config": {**example, **config}}))
    done = run(*prefix, "scripts/up", STACK, check=False, env={"XDG_DATA_HOME": str(data)})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not data.exists(), "something was changed"
    return done.stderr


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({"groundwork:storge": {}}, ["groundwork:storge", "unknown key", "storage"]),
        ({"groundwork:mlflow": {"replcas": 2}}, ["groundwork:mlflow.replcas", "unknown key"]),
        ({"groundwork:storage": {"volume": 5}}, ["groundwork:storage.volume", "5"]),
        ({"groundwork:storage": {"volume": "0Gi"}}, ["groundwork:storage.volume", "0Gi"]),
        (
            {"groundwork:foundation": {"network": "10.80.0.0/24"}},
            [":foundation.network", "10.80.0.0/24", "/16"],
        ),
        (
            {"groundwork:foundation": {"simulated_nodes": 0}},
            ["groundwork:foundation.simulated_nodes is 0", "docker.io/jenkins/jenkins", "groundwork:jenkins.enabled"],
        ),
        (
            {"groundwork:jenkins": {"repository": "someone/groundwork"}},
            ["jenkins.repository is 'someone/groundwork'", "pulumi config set --secret groundwork:github_token"],
        ),
        ({"groundwork:foundation": {"target": "azure"}}, ["groundwork:foundation.target", "azure", "embedded"]),
    ],
)
def test_wrong_settings_are_named_with_value_and_remedy(data: Path, config: dict[str, Any], output: list[str]) -> None:
    words = up(data, config)
    for word in output:
        assert word in words


@pytest.mark.parametrize(
    ("key", "value", "command"),
    [
        ("github_token", "ghp_secretvalue", "groundwork:github_token"),
        ("github_token", ["ghp_secretvalue"], "groundwork:github_token"),
        ("storage_secret_key", "ghp_secretvalue", "groundwork:storage_secret_key"),
        ("database_passwords", {"admin": "ghp_secretvalue"}, "--path groundwork:database_passwords.admin"),
    ],
)
def test_a_secret_in_plain_text_is_refused_with_the_command_that_sets_it_and_not_shown(
    data: Path, key: str, value: Any, command: str
) -> None:
    words = up(data, {f"groundwork:{key}": value})
    assert f"groundwork:{key}" in words
    assert f"pulumi config set --secret {command}`" in words
    assert "ghp_secretvalue" not in words


def test_an_unknown_stack_is_refused_with_the_known_ones(data: Path) -> None:
    done = run("scripts/up", "nowhere", check=False, env={"XDG_DATA_HOME": str(data)})
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "local" in done.stderr
    assert not data.exists()


def test_a_port_in_use_is_named_with_its_key(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = up(data, {"groundwork:foundation": {"network": "10.83.0.0/16", "ports": {"api": port}}})
    assert "groundwork:foundation.ports.api" in words
    assert str(port) in words


def test_without_root_it_says_so(data: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this test drops root, and there is none to drop")
    # Nobody, who may still read what is this user's: a home and a Python may be closed to others.
    words = up(data, {}, "unshare", "--user", "--map-user=65534", "--map-group=65534")
    assert words.startswith("user: 65534 may not make the node's namespaces")
    assert "run the same command as root" in words

"""What a plugin doesn't import."""

import subprocess
import sys

import pytest

from tests.processes import running


@pytest.mark.parametrize("name", ["language", "random", "tls", "aws"])
def test_a_plugin_starts_without_the_sdk_and_what_it_does_not_use(name: str) -> None:
    command = [sys.executable, "-I", "-X", "importtime", "-m", f"embedded.providers.{name}", "127.0.0.1:1"]
    with running(command, stderr=subprocess.PIPE) as plugin:
        assert plugin.stdout
        assert plugin.stdout.readline().strip().isdigit()
        plugin.terminate()
        _, output = plugin.communicate(timeout=20)
    imported = {line.rsplit("|", 1)[-1].strip() for line in output.splitlines()}
    assert "grpc" in imported
    assert imported.isdisjoint(
        {"pulumi", "pulumi.resource", "asyncio.base_events", "importlib.metadata", "cryptography", "boto3", "jmespath"}
    )

"""MLServer's types and codecs, in an environment of their own: they want other versions than the platform's."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workloads.server.conftest import Server

MLSERVER = "mlserver==1.7.1"


@pytest.mark.heavy
def test_mlservers_types_and_codecs_take_what_the_server_answers(start_server: Callable[[str], Server]) -> None:
    server = start_server("box")
    script = Path(__file__).with_name("mlserver_client.py")
    command = ["uv", "run", "--quiet", "--no-project", "--python", "3.11", "--with", MLSERVER, "python", str(script)]
    found = subprocess.run([*command, server.address], capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {
        "labels": [["small", "large"]] * 2,
        "model": "box",
        "server": "groundwork",
    }

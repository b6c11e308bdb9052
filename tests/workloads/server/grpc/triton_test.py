"""The public client of the protocol, in an environment of its own: it wants a newer protobuf than Pulumi."""

import json
from pathlib import Path
from subprocess import run

import pytest

from tests.workloads.server.grpc.running import PIN, running
from tests.workloads.server.models import box_model
from workloads.server.holder import Holder


def test_tritonclient_works_unchanged(tmp_path: Path) -> None:
    holder = Holder()
    holder.model = box_model()
    script = "tests/workloads/server/grpc/triton.py"
    with running(holder, tmp_path / "draining") as server:
        asked = run(
            ["uv", "run", "--frozen", "--script", script, server.address, "box", "[9, 9]"],
            check=True,
            capture_output=True,
            text=True,
        )
    assert json.loads(asked.stdout) == {
        "live": True,
        "ready": True,
        "model_ready": True,
        "server": "groundwork",
        "versions": ["3"],
        "id": "mine",
        "digest": PIN.digest,
        "label": ["large"],
        "probabilities": [[pytest.approx(0.9), pytest.approx(0.1)]],
        "refused": {
            "status": "StatusCode.NOT_FOUND",
            "message": "model 'no-such-model' is not served here; 'box' is",
        },
    }

"""What opens nodes, against an API server of the test's own."""

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from modules.nodes.files import ready
from modules.nodes.karpenter import STARTUP_TAINT
from modules.nodes.pools import MODEL

CLOSED = {"key": STARTUP_TAINT, "effect": "NoSchedule"}
OTHER = {"key": "example.com/dedicated", "value": "yes", "effect": "NoSchedule"}


def node(
    name: str, taints: list[dict[str, str]], resource: str = "nvidia.com/gpu", **allocatable: str
) -> dict[str, Any]:
    kept = {"key": resource, "value": "present", "effect": "NoSchedule"}
    amounts = {"cpu": "4", **{key.replace("_", "/"): amount for key, amount in allocatable.items()}}
    return {
        "metadata": {"name": name, "resourceVersion": "7"},
        "spec": {"taints": [kept, *taints]},
        "status": {"allocatable": amounts},
    }


class Api:
    """Answers with its nodes; keeps the patches. Refuses those of the nodes in `conflicts` and `forbidden`."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.patches: dict[str, dict[str, Any]] = {}
        self.refused: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append((self.path, self.headers["Authorization"]))
                self._answer(200, {"items": api.nodes})

            def do_PATCH(self) -> None:
                name = self.path.rpartition("/")[2]
                assert self.headers["Content-Type"] == "application/merge-patch+json"
                patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if name not in api.refused:
                    api.patches[name] = patch
                self._answer(api.refused.get(name, 200), {})

            def _answer(self, code: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> ready.Cluster:
    (tmp_path / "token").write_text("the-token\n")
    return ready.Cluster(api.address, tmp_path)


def test_a_node_is_opened_once_its_accelerators_are_there_and_keeps_its_other_taints(
    api: Api, cluster: ready.Cluster
) -> None:
    api.nodes = [
        node("ready", [CLOSED, OTHER], **{"nvidia.com_gpu": "8"}),
        node("starting", [CLOSED], **{"nvidia.com_gpu": "0"}),
        node("unknown", [CLOSED]),
        node("open", [OTHER], **{"nvidia.com_gpu": "8"}),
    ]
    assert ready.open_nodes(cluster, STARTUP_TAINT) == ["ready"]
    kept = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    assert api.patches == {"ready": {"metadata": {"resourceVersion": "7"}, "spec": {"taints": [kept, OTHER]}}}


def test_a_divided_gpu_counts_only_once_it_is_divided(api: Api, cluster: ready.Cluster) -> None:
    before = node("divided", [CLOSED], "nvidia.com/mig-1g.5gb", **{"nvidia.com_gpu": "8"})
    api.nodes = [before]
    assert ready.open_nodes(cluster, STARTUP_TAINT) == []
    before["status"]["allocatable"] = {"nvidia.com/mig-1g.5gb": "56"}
    assert ready.open_nodes(cluster, STARTUP_TAINT) == ["divided"]


def test_only_nodes_with_accelerators_are_asked_for_with_the_token_of_now(
    api: Api, cluster: ready.Cluster, tmp_path: Path
) -> None:
    ready.open_nodes(cluster, STARTUP_TAINT)
    (tmp_path / "token").write_text("another")
    ready.open_nodes(cluster, STARTUP_TAINT)
    path = f"/api/v1/nodes?labelSelector={MODEL.replace('/', '%2F')}"
    assert api.asked == [(path, "Bearer the-token"), (path, "Bearer another")]


def test_a_node_that_somebody_changed_meanwhile_is_left_for_the_next_look(api: Api, cluster: ready.Cluster) -> None:
    api.nodes = [node(name, [CLOSED], **{"nvidia.com_gpu": "1"}) for name in ("changed", "same")]
    api.refused = {"changed": 409}
    assert ready.open_nodes(cluster, STARTUP_TAINT) == ["same"]


def test_what_the_api_refuses_otherwise_ends_it(api: Api, cluster: ready.Cluster) -> None:
    api.nodes = [node("forbidden", [CLOSED], **{"nvidia.com_gpu": "1"})]
    api.refused = {"forbidden": 403}
    with pytest.raises(HTTPError, match="403"):
        ready.open_nodes(cluster, STARTUP_TAINT)


def test_it_is_alive_while_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = tmp_path / "looked"
    monkeypatch.setattr(ready, "LOOKED", looked)
    assert ready.main("alive") == 1
    looked.touch()
    assert ready.main("alive") == 0
    before = time.time() - 61
    os.utime(looked, (before, before))
    assert ready.main("alive") == 1

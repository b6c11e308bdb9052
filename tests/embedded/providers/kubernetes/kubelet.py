"""A node whose pods do what their label `behaves` says, so that a test decides how a pod fails."""

import contextlib
import ssl
import threading
import urllib.error
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from embedded.bench.controlplane import ControlPlane

Pod = dict[str, Any]
PERIOD = 0.3
NO_IMAGE = "rpc error: code = NotFound desc = failed to pull and unpack image: registry.invalid/app:1: not found"
LOG = "reading settings\nTraceback (most recent call last):\nValueError: no such table: users\n"


class _Logs(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(LOG.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""


class Kubelet:
    """Registers the node `manual` and settles its pods every PERIOD seconds until `stop`."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._ended = threading.Event()
        self._logs = ThreadingHTTPServer(("127.0.0.1", 0), _Logs)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(plane.folder / "server.crt", plane.folder / "server.key")
        self._logs.socket = tls.wrap_socket(self._logs.socket, server_side=True)
        self._threads = [
            threading.Thread(target=self._logs.serve_forever, daemon=True),
            threading.Thread(target=self._run, daemon=True),
        ]

    def start(self) -> None:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "manual", "labels": LABELS}}
        self._plane.call("POST", "/api/v1/nodes", node)
        port = self._logs.server_address[1]
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "capacity": CAPACITY,
            "allocatable": CAPACITY,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Test", "message": ""}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        self._patch("/api/v1/nodes/manual/status", {"status": status})
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._logs.shutdown()
        self._logs.server_close()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._ended.wait(PERIOD):
            # Whatever a test takes away while it is looked at is seen again, or not, the next time.
            with contextlib.suppress(urllib.error.HTTPError):
                self._renew()
                query = "/api/v1/pods?fieldSelector=spec.nodeName%3Dmanual"
                for pod in self._plane.call("GET", query)["items"]:
                    self._settle(pod)

    def _renew(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Test", "lastHeartbeatTime": _now()}
        self._patch("/api/v1/nodes/manual/status", {"status": {"conditions": [ready]}})

    def _settle(self, pod: Pod) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            self._plane.call("DELETE", f"{path}?gracePeriodSeconds=0")
            return
        behave = BEHAVIOURS[metadata["labels"]["behaves"]]
        seen: list[dict[str, Any]] = pod["status"].get("containerStatuses") or [{}]
        status = behave(seen[0])
        if status:
            self._patch(f"{path}/status", {"status": status})
        if metadata["labels"]["behaves"] == "unready":
            self._complain(pod)

    def _complain(self, pod: Pod) -> None:
        metadata = pod["metadata"]
        event = {
            "metadata": {"name": f"{metadata['name']}.probe", "namespace": metadata["namespace"]},
            "involvedObject": {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
            | {"namespace": metadata["namespace"]},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
            "lastTimestamp": _now(),
        }
        with contextlib.suppress(urllib.error.HTTPError):
            self._plane.call("POST", f"/api/v1/namespaces/{metadata['namespace']}/events", event)

    def _patch(self, path: str, body: Any) -> None:
        self._plane.call("PATCH", path, body, "application/strategic-merge-patch+json")


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(phase: str, ready: bool, container: dict[str, Any]) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": "True" if ready else "False", "lastTransitionTime": _now()}
        for kind in ("Ready", "ContainersReady")
    ]
    base = {"name": "main", "image": "registry.invalid/app:1", "imageID": "", "ready": ready, "restartCount": 0}
    return {
        "phase": phase,
        "podIP": "10.99.0.9",
        "conditions": conditions,
        "containerStatuses": [{**base, **container}],
    }


def _ready(current: dict[str, Any]) -> dict[str, Any]:
    state = {"running": {"startedAt": _now()}}
    return {} if current.get("ready") else _status("Running", True, {"state": state, "containerID": "fake://1"})


def _unready(current: dict[str, Any]) -> dict[str, Any]:
    state = {"running": {"startedAt": _now()}}
    return {} if current.get("state") else _status("Running", False, {"state": state, "containerID": "fake://1"})


def _no_image(current: dict[str, Any]) -> dict[str, Any]:
    state = {"waiting": {"reason": "ErrImagePull", "message": NO_IMAGE}}
    return {} if current.get("state") else _status("Pending", False, {"state": state})


def _crash(current: dict[str, Any]) -> dict[str, Any]:
    """One crash a period."""
    restarts = min(current.get("restartCount", -1) + 1, 5)
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": _now(), "finishedAt": _now()}}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
    more = {"state": state, "lastState": ended, "restartCount": restarts, "containerID": "fake://1"}
    return _status("Running", False, more)


def _fail(current: dict[str, Any]) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "startedAt": _now(), "finishedAt": _now()}}
    return {} if current.get("state") else _status("Failed", False, {"state": ended, "containerID": "fake://1"})


BEHAVIOURS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "ready": _ready,
    "unready": _unready,
    "no-image": _no_image,
    "crash": _crash,
    "fail": _fail,
    "nothing": lambda _: {},
}
LABELS = {"kubernetes.io/hostname": "manual"}
CAPACITY = {"cpu": "64", "memory": "64Gi", "pods": "500"}

"""Pods of one static program, which any cluster runs: kubectl, that can talk, write files and serve them."""

import base64
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from embedded.cluster import Cluster
from modules.core.labels import LOCAL_PORT

SECURE: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
PATIENCE_SECONDS = 240
"""Of each of these steps: they take moments, but on an emulated processor a minute."""
WAIT = f"--timeout={PATIENCE_SECONDS - 5}s"
"""Of `kubectl wait`."""
SERVE = ("proxy", "--address=0.0.0.0", "--port=8001", "--accept-hosts=.*", "--www=/data")


def kubectl(cluster: Cluster, *arguments: str, document: Any = None, check: bool = True) -> str:
    command = [str(cluster.spec.bin_dir / "kubectl"), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    given = None if document is None else json.dumps(document)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout if check else done.stdout + done.stderr


def encoded(texts: Mapping[str, str]) -> dict[str, str]:
    """The data of a Secret."""
    return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def eventually(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.2)
    return true()


def pod(
    name: str, *arguments: str, namespace: str, image: str, claim: str | None = None, account: bool = False
) -> dict[str, Any]:
    """A pod that runs kubectl with these arguments; its folder /data is that of a claim, or its own."""
    volume: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": account,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "kubectl",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": list(arguments),
                    "env": [{"name": "HOME", "value": "/data"}],
                    "securityContext": SECURE,
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", **volume}],
        },
    }


def run_pod(cluster: Cluster, document: dict[str, Any]) -> None:
    """Returns when the pod is ready."""
    kubectl(cluster, "apply", "-f-", document=document)
    ready = ("wait", "--for=condition=Ready", WAIT, "-n", document["metadata"]["namespace"])
    kubectl(cluster, *ready, f"pod/{document['metadata']['name']}")


def published(name: str, port: int, *, namespace: str) -> dict[str, Any]:
    """A Service of a pod that serves, which asks for a port of this machine."""
    annotations = {LOCAL_PORT: str(port)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8001}]},
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetched(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/", timeout=2) as answer:
            return answer.read().decode()
    except OSError:
        return ""

"""Pods of Python on the node of a cluster: with the interpreter, the libraries and the system of this machine."""

import json
import sys
from pathlib import Path
from typing import Any

NAMESPACE = "work"
SHOWN = {"/lib": Path("/usr/lib"), "/lib64": Path("/usr/lib64"), "/usr": Path("/usr")}
"""What a program of this machine needs of it, by where it looks."""


def namespace() -> dict[str, Any]:
    """Return a namespace whose pods may have folders of the node."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def python_pod(name: str, image: str, program: str, *, account: str = "default", claim: str = "") -> dict[str, Any]:
    """Return a pod that runs a program of Python once. image: any. claim: of a volume, at /data."""
    own = {
        str(path): path for path in {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
    }
    shown = {path: source for path, source in {**own, **SHOWN}.items() if source.is_dir()}
    volumes: list[dict[str, Any]] = [
        {"name": f"shown-{number}", "hostPath": {"path": str(source)}} for number, source in enumerate(shown.values())
    ]
    mounts: list[dict[str, Any]] = [
        {"name": f"shown-{number}", "mountPath": path, "readOnly": True} for number, path in enumerate(shown)
    ]
    if claim:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": "data", "mountPath": "/data"})
    container = {
        "name": "python",
        "image": image,
        "command": [sys.executable, "-I", "-B", "-c", program],
        "volumeMounts": mounts,
        "securityContext": {"runAsUser": 10001},
    }
    spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def claim(name: str, storage_class: str, size: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": size}},
        },
    }


def storage_class(name: str) -> dict[str, Any]:
    """Return one as the platform's."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true"},
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def stream(*documents: dict[str, Any]) -> str:
    """Return documents as kubectl reads them from standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})

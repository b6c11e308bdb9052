"""Pods of the platform's own kinds that do nothing: what an attacker who got into one could do is tried from them."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment


@contextmanager
def idle(
    platform: Environment, namespace: str, name: str, pod: dict[str, Any], labels: dict[str, str]
) -> Generator[str]:
    """A pod of this specification that has these labels and does nothing."""
    container = {
        **{key: value for key, value in pod["containers"][0].items() if not key.endswith("Probe")},
        "command": ["python", "-c", "import time; time.sleep(600)"],
        "args": [],
    }
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {**pod, "containers": [container], "terminationGracePeriodSeconds": 1},
    }
    kubectl.run(platform, "apply", "-f", "-", stdin=json.dumps(document))
    try:
        kubectl.run(platform, "wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, f"pod/{name}")
        yield name
    finally:
        kubectl.run(platform, "delete", "pod", name, "-n", namespace)

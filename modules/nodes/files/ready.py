"""Opens nodes whose accelerators their device plugin has reported: takes away the taint that they start with.

    ready.py TAINT    runs until something fails; the pod's restart is what tries again
    ready.py alive    exit code 0 where the other one has looked lately

Until then a node's accelerators count as none, and Karpenter would start another node for the same pod.
"""

import json
import os
import ssl
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOOKED = Path("/tmp/looked")
SELECTOR = "groundwork.dev%2Faccelerator"
"""Label of the nodes of pools with accelerators."""
SECONDS = 5
"""Between looks: little beside the minute or two that a node takes to start."""
ALIVE_SECONDS = 60
CONFLICT = 409


class Cluster:
    """The Kubernetes API, as the pod's own account. The token is read each time: it is renewed every hour."""

    def __init__(self, address: str, account: Path = ACCOUNT) -> None:
        self.address, self.account = address, account
        authority = account / "ca.crt"
        context = ssl.create_default_context(cafile=authority) if address.startswith("https") else None
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        self.opener = urllib.request.build_opener(*handlers)

    def call(self, method: str, path: str, patch: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {(self.account / 'token').read_text().strip()}"}
        if patch is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        body = None if patch is None else json.dumps(patch).encode()
        request = urllib.request.Request(f"{self.address}{path}", data=body, headers=headers, method=method)
        with self.opener.open(request, timeout=30) as response:
            return json.load(response)


def is_ready(node: dict[str, Any]) -> bool:
    """Whether a node has some of the resource that its taint keeps for those who ask for it."""
    allocatable = node["status"].get("allocatable", {})
    kept = [taint["key"] for taint in node["spec"].get("taints", []) if taint.get("value") == "present"]
    return any(int(allocatable.get(key, "0")) > 0 for key in kept)


def open_nodes(cluster: Cluster, taint: str) -> list[str]:
    """Takes the taint off all nodes that are ready. Returns their names."""
    opened: list[str] = []
    for node in cluster.call("GET", f"/api/v1/nodes?labelSelector={SELECTOR}")["items"]:
        taints = node["spec"].get("taints", [])
        rest = [each for each in taints if each["key"] != taint]
        if len(rest) == len(taints) or not is_ready(node):
            continue
        metadata = node["metadata"]
        # With the version that was read: taints that somebody set meanwhile are not lost.
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"taints": rest or None}}
        try:
            cluster.call("PATCH", f"/api/v1/nodes/{metadata['name']}", patch)
        except HTTPError as error:
            if error.code != CONFLICT:
                raise
        else:
            opened.append(metadata["name"])
    return opened


def is_alive() -> bool:
    return LOOKED.exists() and time.time() - LOOKED.stat().st_mtime < ALIVE_SECONDS


def main(argument: str) -> int:
    if argument == "alive":
        return 0 if is_alive() else 1
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    cluster = Cluster(f"https://{f'[{host}]' if ':' in host else host}:{port}")
    while True:
        for name in open_nodes(cluster, argument):
            print(f"{name}: its accelerators are there", flush=True)
        LOOKED.touch()
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

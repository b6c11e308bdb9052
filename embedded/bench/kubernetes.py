"""How fast the Kubernetes stand-in is, beside kubectl with the same objects on the same cluster.

One control plane, simulated nodes, the engine's default checkpoints, each figure the median of several runs.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.providers.install import engine_variables, install
from modules.core.paths import REPOSITORY

from .controlplane import ControlPlane
from .processes import Cost, Run, measure

NAMESPACE = "bench"
SETTLE = 120.0
"""Seconds for the cluster to come to rest between two figures."""

PROGRAM = """
import os, pulumi, pulumi_kubernetes as k8s
provider = k8s.Provider("cluster", context="bare", cluster_identifier="bare")
opts = pulumi.ResourceOptions(provider=provider)
for number in range(int(os.environ["COUNT"])):
    name, labels = f"web-{number}", {"app": f"web-{number}", "bench": "yes"}
    container = {"name": "main", "image": "registry.invalid/web:1",
                 "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    k8s.apps.v1.Deployment(
        name,
        metadata={"name": name, "namespace": "bench", "labels": labels,
                  "annotations": {"pulumi.com/skipAwait": os.environ["SKIP"]}},
        spec={"replicas": 1, "selector": {"match_labels": labels},
              "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}},
        opts=opts,
    )
"""


def deployment(number: int) -> dict[str, Any]:
    """The very object that the program makes."""
    name, labels = f"web-{number}", {"app": f"web-{number}", "bench": "yes"}
    resources = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    container = {"name": "main", "image": "registry.invalid/web:1", "resources": resources}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@dataclass
class Figures:
    """Runs by name, in the order in which they were first made."""

    runs: dict[str, list[Run]] = field(default_factory=dict[str, list[Run]])

    def add(self, name: str, run: Run) -> None:
        self.runs.setdefault(name, []).append(run)

    def median(self, name: str) -> float:
        return statistics.median(run.seconds for run in self.runs[name])

    def costs(self, name: str) -> dict[str, Cost]:
        """Of the run in the middle."""
        runs = sorted(self.runs[name], key=lambda run: run.seconds)
        return runs[len(runs) // 2].costs


class Bench:
    """A stack and its rival on one control plane."""

    def __init__(self, plane: ControlPlane, folder: Path, say: Callable[[str], None]) -> None:
        self.plane, self.folder, self.say = plane, folder, say
        self.figures = Figures()
        self.program = folder / "program"
        self.program.mkdir()
        (folder / "backend").mkdir()
        environment = Path(sys.executable).parents[1]
        (self.program / "Pulumi.yaml").write_text(
            f"name: bench\nruntime: {{name: python, options: {{virtualenv: {environment}}}}}\n"
        )
        (self.program / "__main__.py").write_text(PROGRAM)
        install(folder / "home", Path(sys.executable))
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(plane.bin_dir), os.environ["PATH"]]),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": str(plane.kubeconfig),
            **engine_variables(folder / "backend"),
        }
        plane.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self._run("pulumi", "stack", "init", "bench")

    def run(self, count: int, *, runs: int, awaited: bool, twice: bool) -> None:
        """count: Deployments. awaited: measures waiting for them too. twice: the double of them too."""
        for number in range(runs):
            self.say(f"run {number + 1} of {runs}")
            self._rival(count)
            self._stack(count, "", skip=True)
            self._engine_alone(count, "")
            if awaited:
                self._rival(count, awaited=True)
                self._stack(count, ", awaited", skip=False)
            if twice:
                self._stack(2 * count, " x 2", skip=True)
                self._engine_alone(2 * count, " x 2")

    def _rival(self, count: int, *, awaited: bool = False) -> None:
        manifest = self.folder / "objects.json"
        items = [deployment(number) for number in range(count)]
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        apply = f"kubectl apply --server-side -f {manifest}"
        if awaited:
            status = f"kubectl rollout status -n {NAMESPACE} deployment -l bench=yes --timeout=300s"
            self._figure("kubectl apply and rollout status", "bash", "-c", f"{apply} && {status}")
        else:
            self._figure("kubectl apply", "bash", "-c", apply)
            self._rest()
        delete = ("kubectl", "delete", "-f", str(manifest))
        if awaited:  # not by kubectl, which takes its time
            self.plane.call("DELETE", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")
        else:
            self._figure("kubectl delete", *delete)
        self._rest()

    def _stack(self, count: int, suffix: str, *, skip: bool) -> None:
        self.environment |= {"COUNT": str(count), "SKIP": "true" if skip else "false"}
        quiet = ("--non-interactive", "--color", "never")
        self._figure(f"up{suffix}", "pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", *quiet)
        if skip:
            self._rest()
            self._figure(f"preview{suffix}", "pulumi", "preview", "--expect-no-changes", *quiet)
        destroy = ("pulumi", "destroy", "--yes", "--skip-preview", *quiet)
        if skip:
            self._figure(f"destroy{suffix}", *destroy)
        else:
            self._run(*destroy)
        self._rest()

    def _engine_alone(self, count: int, suffix: str) -> None:
        """The same stack with a provider that makes nothing."""
        command = [sys.executable, "-m", "embedded.bench.nothing"]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as provider:
            port = provider.stdout.readline().strip() if provider.stdout else ""
            self.environment["PULUMI_DEBUG_PROVIDERS"] = f"kubernetes:{port}"
            try:
                self._stack(count, f"{suffix}, engine alone", skip=True)
            finally:
                del self.environment["PULUMI_DEBUG_PROVIDERS"]
                provider.terminate()

    def _figure(self, name: str, *command: str) -> None:
        found = measure(
            command,
            folder=self.program,
            environment=self.environment,
            others=list(self.plane.processes.values()),
        )
        self.figures.add(name, found)
        self.say(f"  {name}: {found.seconds:.1f} s")

    def _run(self, *command: str) -> None:
        measure(command, folder=self.program, environment=self.environment)

    def _rest(self) -> None:
        """Waits until the controllers have nothing left to do: as many pods ready as Deployments, and none going."""
        deadline = time.monotonic() + SETTLE
        while not self._settled():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cluster does not come to rest within {SETTLE:.0f} s")
            time.sleep(0.5)

    def _settled(self) -> bool:
        found: Sequence[dict[str, Any]] = self._items("/apis/apps/v1", "deployments")
        ready = sum(1 for item in found if item["status"].get("availableReplicas"))
        return ready == len(found) == len(self._items("/api/v1", "pods"))

    def _items(self, base: str, plural: str) -> list[dict[str, Any]]:
        return self.plane.call("GET", f"{base}/namespaces/{NAMESPACE}/{plural}")["items"]

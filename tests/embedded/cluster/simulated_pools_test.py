"""Simulated nodes of pools on a real API server, with kwok and the scheduler, as a cloud's nodes would be."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cluster.api import Client
from embedded.cluster.objects import capacity_of, simulated_node
from embedded.toolchain.build import ensure
from modules.core.simulation import SIMULATED, SimulatedNode
from modules.nodes.files import ready
from modules.nodes.karpenter import STARTUP_TAINT
from modules.nodes.pools import simulated_nodes
from modules.nodes.settings import PoolsSettings
from tests.embedded.providers.controlplane import ControlPlane

pytestmark = pytest.mark.integration

POOLS = PoolsSettings.model_validate(
    {
        "pools": {
            "whole": {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 1},
            "shared": {"purpose": "serving", "gpu": {"model": "a10g", "time_slices": 2}, "max": 2},
            "divided": {
                "purpose": "serving",
                "gpu": {"model": "a100-40gb", "count": 8, "mig_profile": "1g.5gb"},
                "max": 1,
            },
        }
    }
).pools
NODES = list(simulated_nodes(POOLS))
SECONDS = 60
PODS = "/api/v1/namespaces/default/pods"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("plane")
    made = ControlPlane(ensure(lambda _: None, folder / "log"), folder / "plane", nodes=0)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def client(plane: ControlPlane) -> Client:
    """With the nodes, as a start of the cluster makes them."""
    found = Client(
        "127.0.0.1",
        plane.port,
        ca=plane.folder / "ca.crt",
        certificate=plane.folder / "admin.crt",
        key=plane.folder / "admin.key",
        timeout=30,
    )
    declare(found, NODES)
    await_nodes(found)
    return found


def declare(client: Client, nodes: list[SimulatedNode]) -> None:
    for node in nodes:
        client.apply(*simulated_node(node))
        client.apply(*capacity_of(node))


def is_ready(node: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in node["status"].get("conditions", [])}
    taints = {taint["key"] for taint in node["spec"].get("taints", [])}
    return conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in taints


def await_nodes(client: Client) -> None:
    deadline = time.monotonic() + SECONDS
    while not all(map(is_ready, client.get("/api/v1/nodes")["items"])):
        assert time.monotonic() < deadline, "nodes are not ready"
        time.sleep(0.2)


def run(plane: ControlPlane, name: str, resource: str, count: int) -> None:
    """A pod that asks for accelerators: the toleration of their taint is none that it has to bring."""
    tolerations = [{"key": SIMULATED, "operator": "Exists"}]
    container = {"name": "main", "image": "any", "resources": {"limits": {resource: count}}}
    spec = {"tolerations": tolerations, "containers": [container], "automountServiceAccountToken": False}
    deadline = time.monotonic() + SECONDS
    while True:  # until the namespace's account is there
        try:
            plane.call("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def placed(client: Client, name: str) -> str:
    """The node of a pod, or why it has none."""
    deadline = time.monotonic() + SECONDS
    while True:
        pod = client.get(f"{PODS}/{name}")
        if "nodeName" in pod["spec"]:
            return pod["spec"]["nodeName"]
        reasons = [each.get("message", "") for each in pod["status"].get("conditions", [])]
        if any("nodes are available" in reason for reason in reasons):
            return reasons[0]
        assert time.monotonic() < deadline, pod
        time.sleep(0.2)


def test_nodes_keep_what_their_pool_has_also_when_the_cluster_starts_again(client: Client) -> None:
    for _ in range(2):
        for node in NODES:
            status = client.get(f"/api/v1/nodes/{node.name}")["status"]
            accelerators = {key: amount for key, amount in node.capacity.items() if key.startswith("nvidia.com/")}
            assert accelerators
            assert status["capacity"].items() >= accelerators.items()
            assert status["allocatable"] == status["capacity"]
        declare(client, NODES)


@pytest.mark.parametrize(
    ("resource", "count", "node"),
    [
        ("nvidia.com/gpu", 8, "simulated-whole-0"),
        ("nvidia.com/gpu.shared", 1, "simulated-shared-"),
        ("nvidia.com/mig-1g.5gb", 56, "simulated-divided-0"),
        ("nvidia.com/gpu", 9, "0/4 nodes are available: "),
    ],
)
def test_a_pod_goes_to_the_pool_that_has_what_it_asks_for(
    plane: ControlPlane, client: Client, resource: str, count: int, node: str
) -> None:
    name = f"{resource.rpartition('/')[2].replace('.', '-')}-{count}"
    run(plane, name, resource, count)
    assert placed(client, name).startswith(node)


def test_what_opens_nodes_needs_no_more_rights_than_it_has(plane: ControlPlane, client: Client, tmp_path: Path) -> None:
    path = "/api/v1/nodes/simulated-shared-1"
    node = plane.call("GET", path)
    node["spec"]["taints"].append({"key": STARTUP_TAINT, "effect": "NoSchedule"})
    plane.call("PUT", path, node)
    (tmp_path / "ca.crt").write_text((plane.folder / "ca.crt").read_text())
    request: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = plane.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", request)["status"]["token"]
    (tmp_path / "token").write_text(token)
    rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]}
    group = "rbac.authorization.k8s.io"
    head = {"apiVersion": f"{group}/v1", "metadata": {"name": "opener"}}
    plane.call("POST", f"{RBAC}/clusterroles", {**head, "kind": "ClusterRole", "rules": [rule]})
    binding = {
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "opener"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    plane.call("POST", f"{RBAC}/clusterrolebindings", {**head, **binding})
    cluster = ready.Cluster(plane.server, tmp_path)
    assert opened(cluster) == ["simulated-shared-1"]
    keys = {taint["key"] for taint in client.get(path)["spec"]["taints"]}
    assert keys == {SIMULATED, "nvidia.com/gpu.shared"}
    assert ready.open_nodes(cluster, STARTUP_TAINT) == []


def opened(cluster: ready.Cluster) -> list[str]:
    """Once the API server knows of the new rights."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return ready.open_nodes(cluster, STARTUP_TAINT)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)

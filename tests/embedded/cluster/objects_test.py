from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from embedded.cluster.api import ApiError, Client
from embedded.cluster.objects import (
    apply_all,
    node_is_ready,
    outdated_pods,
    rbac_objects,
    simulated_node,
    unlike_any_pool,
)
from embedded.cluster.spec import ClusterSpec
from modules.core.simulation import SimulatedNode

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z"


class Answers(Client):
    """Answers what a test says, by path."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def get(self, path: str) -> dict[str, Any]:
        if path not in self.answers:
            raise ApiError(404, path)
        return self.answers[path]


def node(status: str, heard: str, taints: list[str]) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "lastHeartbeatTime": heard}
    return {"status": {"conditions": [ready]}, "spec": {"taints": taints}}


@pytest.mark.parametrize(
    ("found", "ready"),
    [
        (node("True", AFTER, []), True),
        (node("True", BEFORE, []), False),
        (node("False", AFTER, []), False),
        (node("True", AFTER, ["not-ready"]), False),
        ({"status": {}, "spec": {}}, False),
    ],
)
def test_a_node_is_ready_when_it_said_so_in_this_life_and_has_no_taint(found: dict[str, Any], ready: bool) -> None:
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    assert node_is_ready(Answers({"/api/v1/nodes/n": found, account: {}}), "n", START) is ready


def test_a_node_is_not_ready_before_pods_have_an_account() -> None:
    assert not node_is_ready(Answers({"/api/v1/nodes/n": node("True", AFTER, [])}), "n", START)


def pod(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": name}, "status": {"containerStatuses": [{"state": state}]}}


def test_a_pod_is_outdated_while_a_container_of_the_last_run_is_said_to_run() -> None:
    pods = [
        pod("old", {"running": {"startedAt": BEFORE}}),
        pod("new", {"running": {"startedAt": AFTER}}),
        pod("done", {"terminated": {"exitCode": 0}}),
        {"metadata": {"namespace": "a", "name": "fresh"}, "status": {}},
    ]
    client = Answers({"/api/v1/pods?fieldSelector=spec.nodeName%3Dn": {"items": pods}})
    assert outdated_pods(client, "n", START) == ["a/old"]


def test_every_role_is_bound_to_a_user() -> None:
    paths = [path for path, _ in rbac_objects()]
    roles = {path.rpartition("/")[2] for path in paths if "/clusterroles/" in path}
    bound = {path.rpartition("/")[2] for path in paths if "/clusterrolebindings/" in path}
    assert roles < bound


def test_simulated_nodes_are_labelled_tainted_and_kwoks_only() -> None:
    path, document = simulated_node(unlike_any_pool(3))
    assert path == "/api/v1/nodes/simulated-3"
    assert document["metadata"]["labels"]["groundwork.dev/simulated"] == "true"
    assert document["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}
    taint = {"key": "groundwork.dev/simulated", "value": "true", "effect": "NoSchedule"}
    assert document["spec"]["taints"] == [taint]


GPU = SimulatedNode(
    name="simulated-gpu-0",
    labels={"groundwork.dev/pool": "gpu"},
    taints=({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},),
    capacity={"cpu": "4", "nvidia.com/gpu": "1"},
)


class Recorded(Client):
    """Keeps what is applied and deleted; has these simulated nodes from before."""

    def __init__(self, *nodes: str) -> None:
        self.nodes, self.applied, self.deleted = nodes, dict[str, Any](), list[str]()

    def apply(self, path: str, document: dict[str, Any]) -> None:
        self.applied[path] = document

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/nodes?labelSelector=groundwork.dev/simulated%3Dtrue"
        return {"items": [{"metadata": {"name": name}} for name in self.nodes]}

    def delete(self, path: str) -> None:
        self.deleted.append(path.rpartition("/")[2])


def test_a_node_of_a_pool_has_its_labels_taints_and_capacity_and_is_marked_as_simulated(spec: ClusterSpec) -> None:
    client = Recorded()
    (spec.state_dir / "pki").mkdir(parents=True)
    (spec.state_dir / "pki" / "ca.crt").write_text("ca")
    apply_all(client, replace(spec, simulated_nodes=1, simulated_pools=(GPU,)))
    node = client.applied["/api/v1/nodes/simulated-gpu-0"]
    assert (
        node["metadata"]["labels"].items() >= {"groundwork.dev/pool": "gpu", "groundwork.dev/simulated": "true"}.items()
    )
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["groundwork.dev/simulated", "nvidia.com/gpu"]
    status = client.applied["/api/v1/nodes/simulated-gpu-0/status"]["status"]
    assert status["capacity"] == status["allocatable"] == GPU.capacity
    assert "/api/v1/nodes/simulated-0" in client.applied
    assert "/api/v1/nodes/simulated-0/status" not in client.applied


def test_simulated_nodes_that_nobody_declares_any_more_go(spec: ClusterSpec) -> None:
    client = Recorded("simulated-0", "simulated-1", "simulated-gpu-0", "simulated-gpu-1")
    (spec.state_dir / "pki").mkdir(parents=True)
    (spec.state_dir / "pki" / "ca.crt").write_text("ca")
    apply_all(client, replace(spec, simulated_nodes=1, simulated_pools=(GPU,)))
    assert client.deleted == ["simulated-1", "simulated-gpu-1"]

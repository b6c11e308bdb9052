from datetime import UTC, datetime
from typing import Any

import pytest

from embedded.cluster.api import ApiError, Client
from embedded.cluster.objects import node_is_ready, outdated_pods, rbac_objects, simulated_node

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
    path, document = simulated_node(3)
    assert path == "/api/v1/nodes/simulated-3"
    assert document["metadata"]["labels"]["groundwork.dev/simulated"] == "true"
    assert document["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}
    taint = {"key": "groundwork.dev/simulated", "value": "true", "effect": "NoSchedule"}
    assert document["spec"]["taints"] == [taint]

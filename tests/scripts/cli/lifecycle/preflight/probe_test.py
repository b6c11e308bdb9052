"""What is made of what a pod says, and of one that says nothing."""

from typing import Any

import pytest

from modules.core.contracts import Reach
from policies import privileges
from policies.pods import Pod
from scripts.cli.lifecycle.preflight import checks, probe
from stacks.foundation.existing_settings import DnsSettings
from stacks.foundation.pods import PodsSettings
from tests.stacks.foundation.own_data_test import ADMIN, ADMIN_PASSWORD, SECRET, STORE, settings

IMAGE = "registry.example/groundwork/gateway:1@sha256:" + "1" * 64
SERVERS = {"storage": probe.Server("s3.example", 9000, Reach(port=9000, ranges=["10.9.0.0/24"]))}
WELL: dict[str, Any] = {"names": None, "closed": True, "servers": {"storage": None}, "time": 1000.0}


def states(**changed: Any) -> dict[str, str]:
    return {each.check: each.state for each in probe.read({**WELL, **changed}, 1000.0, IMAGE)}


def test_a_pod_to_which_all_is_well_is_no_reason_to_refuse() -> None:
    assert set(states().values()) == {"ok"}


@pytest.mark.parametrize(
    ("changed", "check", "state"),
    [
        ({"names": "Temporary failure in name resolution"}, "names in pods", "refused"),
        ({"closed": False}, "network policies", "warning"),
        ({"servers": {"storage": "timed out"}}, "object store from a pod", "refused"),
        ({"time": 1000.0 + 3600}, "clocks of nodes", "refused"),
    ],
)
def test_what_a_pod_misses_is_said(changed: dict[str, Any], check: str, state: str) -> None:
    found = states(**changed)
    assert found.pop(check) == state
    assert set(found.values()) == {"ok"}


def test_policies_without_effect_are_said_to_be_so() -> None:
    assert "NOT enforced" in probe.policies(False).detail
    # What the policy opens for a store at port 443 anywhere may be the very API that the pod is not to reach.
    assert probe.policies(False, api_opened=True).state == "not known"
    assert probe.policies(True, api_opened=True).state == "ok"


def status(waiting: dict[str, str] | None = None, phase: str = "Pending", **given: Any) -> dict[str, Any]:
    containers = [{"state": {"waiting": waiting}}] if waiting else []
    return {"status": {"phase": phase, "containerStatuses": containers, **given}}


def test_a_pod_that_says_nothing_says_why() -> None:
    assert probe.unfinished(status(phase="Succeeded"), IMAGE) is None
    image = probe.unfinished(status({"reason": "ErrImagePull", "message": "401 Unauthorized"}), IMAGE)
    assert image is not None
    assert "401 Unauthorized" in str(image)
    assert "groundwork:foundation.registry.pull" in str(image)
    unplaced = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]
    waits = probe.unfinished(status(conditions=unplaced), IMAGE)
    assert waits is not None
    assert "0/3 nodes are available" in waits.detail


class Answers:
    """An API that gives a pod's status one after another; at the end the last one again."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self.left = list(statuses)

    def get(self, path: str) -> dict[str, Any]:
        assert "/pods/" in path
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


NO_LOGIN = status({"reason": "ErrImagePull", "message": "401 Unauthorized"})


def test_a_node_that_has_not_seen_the_login_yet_asks_again() -> None:
    place = probe.Place("team-preflight", temporary=True)
    api = Answers(
        NO_LOGIN, status({"reason": "ImagePullBackOff"}), status({"reason": "ErrImagePull"}), status(phase="Succeeded")
    )
    assert probe.ended_pod(api, place, 30.0) == status(phase="Succeeded")
    assert probe.ended_pod(Answers(NO_LOGIN), place, 0.0) == NO_LOGIN
    assert probe.ended_pod(Answers(NO_LOGIN), place, 1.0) == NO_LOGIN


def test_its_pod_is_restricted_and_its_policy_opens_what_it_asks_for() -> None:
    document = probe.pod("team", IMAGE, SERVERS, PodsSettings(), login=True)
    assert privileges.problems(Pod(document["metadata"], document["spec"])) == []
    dns = DnsSettings(ranges=["169.254.20.10/32"])
    spec = probe.policy("team", dns, SERVERS)["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= document["metadata"]["labels"].items()
    names, servers = spec["egress"]
    assert names["to"][0] == {"ipBlock": {"cidr": "169.254.20.10/32"}}
    assert {each["port"] for each in names["ports"]} == {53}
    assert servers == {"to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}], "ports": [{"port": 9000, "protocol": "TCP"}]}


@pytest.mark.parametrize(
    ("proxy", "tried"),
    [
        ({}, {"storage": ("s3.example", 9000), "database": ("db.example", 5432)}),
        ({"https": "http://proxy.example:3128"}, {"database": ("db.example", 5432)}),  # which leads to the store
    ],
)
def test_a_pod_tries_what_somebody_else_runs_unless_a_proxy_leads_there(
    proxy: dict[str, str], tried: dict[str, Any]
) -> None:
    existing = settings(storage=STORE, database=ADMIN, **SECRET, **ADMIN_PASSWORD).existing
    assert existing is not None
    found = checks.servers(existing.model_copy(update={"pods": PodsSettings.model_validate({"proxy": proxy})}))
    assert {name: (each.host, each.port) for name, each in found.items()} == tried

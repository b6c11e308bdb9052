"""What the checks make of what a cluster says."""

import time
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from scripts.cli.lifecycle.preflight import api_server, capacity, names, namespaces, permissions, storage_classes
from scripts.cli.lifecycle.preflight.capacity import Node
from scripts.cli.lifecycle.preflight.findings import Finding
from stacks.foundation.rights import Right
from stacks.requests import Request

GIB = 1 << 30
OURS = {"app.kubernetes.io/part-of": "groundwork", "groundwork.dev/environment": "team"}


def reported(finding: Finding) -> tuple[str, str]:
    return finding.state, str(finding)


@pytest.mark.parametrize(("minor", "state"), [("29", "refused"), ("30", "ok"), ("31+", "ok"), ("36", "ok")])
def test_an_api_server_older_than_the_platform_needs_is_refused(minor: str, state: str) -> None:
    found = api_server.version({"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.1"}, "there")
    assert found.state == state
    assert f"v1.{minor}.1 by context there" in found.detail


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (200, "ok"), (301, "refused"), (-4000, "refused")])
def test_clocks_that_are_far_apart_are_refused(seconds: int, state: str) -> None:
    now = time.time()
    found = api_server.clock(formatdate(now - seconds, usegmt=True), now)
    assert found.state == state
    assert ("behind" if seconds < 0 else "ahead of") in found.detail or seconds == 0


def test_a_server_that_says_no_time_is_no_reason_to_refuse() -> None:
    assert api_server.clock(None, 0).state == "not known"


def storage_class(name: str, *, default: bool = False) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else None
    return {"metadata": {"name": name, "annotations": annotations}}


def test_a_storage_class_is_the_one_named_or_the_default_one() -> None:
    known = [storage_class("slow"), storage_class("fast", default=True)]
    assert "fast (the default one)" in storage_classes.choose(known, None).detail
    assert storage_classes.choose(known, "slow").state == "ok"
    state, text = reported(storage_classes.choose(known, "fats"))
    assert (state, "did you mean 'fast'?" in text) == ("refused", True)
    state, text = reported(storage_classes.choose(known[:1], None))
    assert state == "refused"
    assert "groundwork:foundation.storage_class is null" in text
    assert "allowed: slow" in text


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", "2"), ("3920m", "3.92"), ("16Gi", "17179869184"), ("129M", "129000000"), ("1.5", "1.5"), ("1e3", "1000")],
)
def test_amounts_are_read_as_kubernetes_writes_them(text: str, value: str) -> None:
    assert capacity.quantity(text) == Decimal(value)


def node_document(name: str = "one", **spec: Any) -> dict[str, Any]:
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi"},
        "nodeInfo": {"architecture": "amd64"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def test_a_node_has_what_others_leave_of_it() -> None:
    ended, other = ("Succeeded", "one"), ("Running", "two")
    container = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    pods = [
        {
            "spec": {"nodeName": name, "containers": [container, {}], "initContainers": [container]},
            "status": {"phase": phase},
        }
        for phase, name in (("Running", "one"), ended, other)
    ]
    assert capacity.node_of(node_document(), pods) == Node(
        name="one", architecture="amd64", millicores=3500, memory=7 * GIB
    )


def test_a_node_that_repels_pods_or_is_not_ready_is_not_counted() -> None:
    assert capacity.takes_pods(node_document())
    assert capacity.takes_pods(node_document(taints=[{"key": "k", "effect": "PreferNoSchedule"}]))
    assert not capacity.takes_pods(node_document(taints=[{"key": "k", "effect": "NoSchedule"}]))
    assert not capacity.takes_pods(node_document(unschedulable=True))
    down = node_document()
    down["status"]["conditions"][0]["status"] = "Unknown"
    assert not capacity.takes_pods(down)


def node(millicores: int, memory: int, architecture: str = "amd64") -> Node:
    return Node(name="n", architecture=architecture, millicores=millicores, memory=memory)


WANTED = [
    Request(key="storage.resources", millicores=100, memory=GIB),
    Request(key="mlflow.resources", millicores=100, memory=2 * GIB),
    Request(key="workloads.iris.training", millicores=500, memory=GIB, lasting=False),
]


def test_what_is_asked_for_must_fit_on_the_nodes_together_and_the_largest_on_one() -> None:
    assert capacity.room([node(1000, 4 * GIB)], WANTED, others_known=True).state == "ok"
    assert capacity.room([node(1000, 4 * GIB)], WANTED, others_known=False).state == "warning"
    state, text = reported(capacity.room([node(1000, 3 * GIB)], WANTED, others_known=True))
    assert state == "refused"
    assert "0.7 cores and 4.0 GiB are requested" in text
    assert "1.0 cores and 3.0 GiB are free on 1 nodes" in text
    assert "groundwork:mlflow.resources.requests" in text
    assert capacity.room([node(600, 4 * GIB)], WANTED, others_known=True).state == "refused"
    state, text = reported(capacity.room([node(1000, 3 * GIB // 2)] * 4, WANTED, others_known=True))
    assert state == "refused"
    assert "none has room for groundwork:mlflow.resources.requests" in text


def test_images_run_on_nodes_of_their_architecture_only() -> None:
    both = [node(1, 1, "arm64"), node(1, 1, "amd64")]
    assert capacity.architecture(both[1:], "amd64").state == "ok"
    state, text = reported(capacity.architecture(both, "amd64"))
    assert (state, "kubernetes.io/arch: amd64" in text) == ("warning", True)
    state, text = reported(capacity.architecture(both[:1], "amd64"))
    assert (state, "groundwork:foundation.registry.architecture: arm64" in text) == ("refused", True)
    assert "add nodes that take pods" in str(capacity.architecture([], "amd64"))


def test_a_namespace_of_somebody_else_is_refused_and_ones_own_is_not() -> None:
    mine, theirs = {"labels": OURS}, {"labels": {"app.kubernetes.io/part-of": "groundwork"}}
    state, text = reported(namespaces.ownership({"team-a": mine, "team-b": theirs}, [], "team", deployed=True))
    assert (state, "somebody else has team-b" in text) == ("refused", True)
    assert namespaces.ownership({"team-a": mine}, ["team-b"], "team", deployed=True).state == "ok"
    state, text = reported(namespaces.ownership({"team-a": mine}, [], "team", deployed=False))
    assert (state, "whose state is not on this machine" in text) == ("refused", True)
    ending = {"labels": OURS, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert "being deleted: team-a" in namespaces.ownership({"team-a": ending}, [], "team", deployed=True).detail


def test_an_admins_namespace_that_enforces_nothing_is_warned_of() -> None:
    level = {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}
    assert namespaces.security({"team-a": level}).state == "ok"
    state, text = reported(namespaces.security({"team-a": level, "team-b": {}}))
    assert (state, "team-b" in text) == ("warning", True)


@pytest.mark.parametrize(
    ("given", "user", "state"),
    [
        ("1000680000/10000", 10001, "refused"),
        ("1000680000/10000", None, "ok"),
        ("10000/10", 10001, "ok"),
        ("10000-10001", 10001, "ok"),
        (None, 10001, "ok"),
    ],
)
def test_a_namespace_that_gives_other_user_ids_is_refused(given: str | None, user: int | None, state: str) -> None:
    metadata = {"annotations": {"openshift.io/sa.scc.uid-range": given}} if given else {}
    assert namespaces.users({"team-a": metadata}, user).state == state


def test_objects_in_an_admins_namespaces_are_somebody_elses_or_of_a_lost_state() -> None:
    nothing = [(("configmaps", "kube-root-ca.crt"), False)]
    assert namespaces.content({"team-a": nothing}, False, "team").state == "ok"
    assert namespaces.content({"team-a": [(("secrets", "mine"), True)]}, True, "team").state == "ok"
    state, text = reported(namespaces.content({"team-a": [*nothing, (("secrets", "theirs"), False)]}, True, "team"))
    assert (state, "team-a: secrets/theirs" in text) == ("warning", True)
    assert namespaces.content({"team-a": [(("secrets", "mine"), True)]}, False, "team").state == "refused"


def created(kind: str, name: str, namespace: str, op: str = "create") -> dict[str, Any]:
    inputs = {"kind": kind, "metadata": {"name": name, "namespace": namespace}}
    return {"op": op, "newState": {"inputs": inputs}}


def test_names_meet_where_something_would_be_made_that_somebody_else_has() -> None:
    secret = ("team-a", ("secrets", "superuser"))
    assert names.taken([created("Secret", "superuser", "team-a")], {secret}) == {secret}
    assert (
        names.taken([created("Secret", "superuser", "team-b"), {"op": "create"}], {secret, ("team-b", ("jobs", "x"))})
        == set()
    )
    assert names.taken([created("Secret", "superuser", "team-a", "update")], {secret}) == set()
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert names.taken([created("Secret", "superuser", unknown)], {secret}) == {secret}


def test_what_is_missing_is_said_once_with_where_and_is_a_role() -> None:
    get, create = Right("", "pods/log", "get"), Right("batch", "jobs", "create")
    missing: permissions.Wanted = {"team-a": [get, create], "team-b": [create]}
    assert permissions.summary(missing) == "get pods/log in team-a; create jobs.batch in team-a, team-b"
    finding = permissions.needed_finding(missing, missing, "team", ("User", "jane"))
    assert finding.state == "refused"
    assert [each["kind"] for each in finding.documents] == ["Role", "RoleBinding"] * 2
    assert "3 of 3 are missing for jane" in finding.detail

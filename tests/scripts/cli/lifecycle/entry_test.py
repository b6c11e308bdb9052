from dataclasses import replace
from typing import Any

import pytest

from modules.core.contracts import Entry, Ingress, Listener
from scripts.cli.lifecycle.entry import front_kind, note_of
from tests.neighbours import CLOUD_ENTRY, ENTRY

BALANCED = CLOUD_ENTRY
NODES = replace(CLOUD_ENTRY, service_type="NodePort", addresses=("192.0.2.7", "192.0.2.8"))
INSIDE = replace(CLOUD_ENTRY, service_type="ClusterIP")
BEHIND = replace(INSIDE, ingress=Ingress(class_name="nginx", controller="nginx", annotations={}, certificate=None))
ATTACHED = replace(INSIDE, listener=Listener(name="public", namespace="infra", section=None, passthrough=False))
PASSED = replace(INSIDE, listener=Listener(name="public", namespace="infra", section=None, passthrough=True))


def given(*addresses: dict[str, str]) -> dict[str, Any]:
    return {"status": {"loadBalancer": {"ingress": list(addresses)}}}


def route(*conditions: dict[str, str]) -> dict[str, Any]:
    return {"status": {"parents": [{"conditions": list(conditions)}]}}


ACCEPTED = {"type": "Accepted", "status": "True", "reason": "Accepted"}
CLOSED = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no such namespace"}
NAMES = "DNS: ml.example and *.ml.example must lead to the address"
NOTES: list[tuple[Entry, dict[str, Any] | None, str]] = [
    (ENTRY, None, ""),
    (replace(ENTRY, forwarded=True), None, "Addresses on localhost answer while `groundwork open --stack team` runs."),
    (BALANCED, {}, "The cluster has given Service team-gateway/entry no address of a load balancer yet."),
    (BALANCED, given({"ip": "192.0.2.7"}), f"{NAMES} 192.0.2.7."),
    (BALANCED, given({"hostname": "lb.cloud.example"}), f"{NAMES} lb.cloud.example."),
    (BALANCED, None, "The services entry that brings clients in is not there: run `scripts/up team`."),
    (NODES, None, f"{NAMES} 192.0.2.7, 192.0.2.8."),
    (replace(NODES, addresses=()), None, f"{NAMES} of the nodes."),
    (BEHIND, given({"ip": "192.0.2.7"}), f"{NAMES} 192.0.2.7."),
    (BEHIND, given(), f"{NAMES} of the Ingress controller, which does not tell it."),
    (ATTACHED, route(ACCEPTED), f"{NAMES} of Gateway infra/public."),
    (
        ATTACHED,
        route(ACCEPTED, CLOSED),
        "Gateway infra/public does not take the route: NotAllowedByListeners: no such namespace.",
    ),
    (ATTACHED, {}, "Gateway infra/public does not take the route: no controller has looked at it yet."),
]


@pytest.mark.parametrize(("entry", "front", "note"), NOTES)
def test_a_person_is_told_what_a_name_must_lead_to_or_what_is_missing(
    entry: Entry, front: dict[str, Any] | None, note: str
) -> None:
    assert note_of(entry, front, "team") == note


def test_the_object_that_brings_clients_in_is_looked_at() -> None:
    assert front_kind(BALANCED) == ("services", "entry")
    assert front_kind(BEHIND) == ("ingresses.networking.k8s.io", "gateway")
    assert front_kind(ATTACHED) == ("httproutes.gateway.networking.k8s.io", "gateway")
    assert front_kind(PASSED) == ("tlsroutes.gateway.networking.k8s.io", "gateway")
    assert front_kind(ENTRY) is None

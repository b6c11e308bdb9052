"""What a program itself waits for, and what it says about objects that do not become ready."""

import threading
import time

import pytest

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import InitFailed
from embedded.providers.kubernetes.readiness.conditions import Malformed, conditions_of, examine_all
from tests.embedded.providers.kubernetes.harness import Manifest, Session, replaced
from tests.embedded.providers.kubernetes.manifests import config_map, deployment, job, named, with_annotations

WAIT_FOR = "pulumi.com/waitFor"
REPLACE_UNREADY = {"pulumi.com/replaceUnready": "true"}
LIVE = {
    "metadata": {"generation": 2},
    "spec": {"replicas": 3, "paused": False, "a.b": "dotted"},
    "status": {
        "phase": "Running",
        "observedGeneration": 2,
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Stale", "status": "True", "observedGeneration": 1},
            {"type": "Degraded", "status": "False"},
        ],
    },
}


def waits_for(text: str) -> Manifest:
    return {**LIVE, "metadata": {"generation": 2, "annotations": {WAIT_FOR: text}}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("condition=Ready", ""),
        ("condition=ready=true", ""),
        ("condition=Degraded=False", ""),
        ("condition=Degraded", "the condition Degraded is False, not True"),
        ("condition=Stale", "the condition Stale is about an earlier version"),
        ("condition=Other", "there is no condition Other yet"),
        ("jsonpath={.status.phase}", ""),
        ("jsonpath={ $.status.phase }=Running", ""),
        ("jsonpath={.status.phase}=Pending", ".status.phase is Running, not Pending"),
        ("jsonpath={.status.conditions}", ""),
        ("jsonpath={.spec.replicas}=3", ""),
        ("jsonpath={.spec.paused}=false", ""),
        ("jsonpath={.spec['a.b']}=dotted", ""),
        ("jsonpath={.status.conditions[0].type}=Ready", ""),
        ("jsonpath={.status.conditions[-1].type}=Degraded", ""),
        ("jsonpath={.status.conditions[7].type}", ".status.conditions[7].type selects nothing yet"),
        ("jsonpath={.status.conditions[*].status}=True", ""),
        ('jsonpath={.status.conditions[?(@.type=="Degraded")].status}=False', ""),
        ("jsonpath={.status.conditions[?@.type == 'Ready'].status}=True", ""),
        ("jsonpath={.status.missing.deeper}", ".status.missing.deeper selects nothing yet"),
        ('["condition=Ready", "jsonpath={.status.phase}=Running"]', ""),
        ('["condition=Ready", "condition=Other"]', "there is no condition Other yet"),
    ],
)
def test_an_expression_holds_or_says_what_is_missing(text: str, why: str) -> None:
    manifest = waits_for(text)
    verdict = examine_all(conditions_of(manifest), manifest)
    assert (verdict.done, verdict.why) == (not why, why)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ready", "none of the known forms; allowed are condition=TYPE"),
        ("condition=", "names no condition"),
        ("jsonpath=.status.phase", "none of the known forms"),
        ("jsonpath={.a}=", "none of the known forms"),
        ("jsonpath={..phase}", "'..phase' is not offered by this stand-in"),
        ("jsonpath={.a[?(@.b>1)]}", "is not offered by this stand-in"),
        ("jsonpath={$}", "selects nothing in particular"),
        ("[]", "at least one text"),
        ("[1]", "at least one text"),
        ("[condition=Ready]", "is no JSON list"),
    ],
)
def test_an_expression_that_can_not_be_followed_is_refused(text: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        conditions_of(waits_for(text))
    assert words in str(caught.value)


def test_it_is_refused_before_anything_is_made(session: Session, namespace: str) -> None:
    manifest = with_annotations(config_map(namespace), {WAIT_FOR: "Ready"})
    (failure,) = session.provider.check(session.resource(manifest), {}, manifest, b"").failures
    assert failure.property == 'metadata.annotations["pulumi.com/waitFor"]'


def test_an_object_of_any_kind_is_waited_for_as_the_program_says(
    session: Session, namespace: str, control_plane: ControlPlane
) -> None:
    def settle() -> None:
        while not session.statuses:
            time.sleep(0.1)
        path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
        control_plane.call("PATCH", path, {"data": {"state": "done"}}, "application/merge-patch+json")

    helper = threading.Thread(target=settle)
    helper.start()
    made = session.create(with_annotations(config_map(namespace), {WAIT_FOR: "jsonpath={.data.state}=done"}))
    helper.join()
    assert made.plain["data"]["state"] == "done"
    assert any(".data.state selects nothing yet" in status for status in session.statuses)


def test_the_end_of_the_wait_names_what_is_missing(session: Session, namespace: str) -> None:
    with pytest.raises(InitFailed, match=r"not ready after 1 s; there is no condition Synced yet") as caught:
        session.create(with_annotations(config_map(namespace), {WAIT_FOR: "condition=Synced"}), timeout=1.0)
    assert caught.value.id == f"{namespace}/settings"


@pytest.mark.usefixtures("kubelet")
def test_the_program_s_own_condition_comes_before_the_kind_s(session: Session, namespace: str) -> None:
    manifest = deployment(namespace, behaves="nothing")
    made = session.create(with_annotations(manifest, {WAIT_FOR: "jsonpath={.status.unavailableReplicas}=1"}))
    assert not made.plain["status"].get("availableReplicas")


def test_skip_await_comes_before_both(session: Session, namespace: str) -> None:
    marks = {WAIT_FOR: "condition=Never", "pulumi.com/skipAwait": "true"}
    session.create(with_annotations(config_map(namespace), marks))


def test_the_token_of_a_service_account_is_waited_for(session: Session, namespace: str) -> None:
    session.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named("robot", namespace)})
    metadata = named("token", namespace, annotations={"kubernetes.io/service-account.name": "robot"})
    kind = "kubernetes.io/service-account-token"
    made = session.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind})
    assert made.plain["data"]["token"]


@pytest.mark.usefixtures("kubelet")
def test_a_failed_job_is_replaced_where_the_program_wants_that(session: Session, namespace: str) -> None:
    manifest = with_annotations(job(namespace, behaves="fail", backoffLimit=0), REPLACE_UNREADY)
    with pytest.raises(InitFailed) as caught:
        session.create(manifest)
    found = session.diff(session.kept(caught.value, manifest), manifest)
    assert replaced(found) == ['metadata.annotations["pulumi.com/replaceUnready"]']
    assert found.delete_first


def test_a_job_that_ended_well_is_left_alone(session: Session, namespace: str) -> None:
    manifest = with_annotations(job(namespace), REPLACE_UNREADY)
    assert not session.diff(session.create(manifest), manifest).changes


def test_replace_unready_of_another_kind_is_told_to_have_no_effect(session: Session, namespace: str) -> None:
    session.create(with_annotations(config_map(namespace), REPLACE_UNREADY))
    assert session.warnings == [
        f"ConfigMap {namespace}/settings: pulumi.com/replaceUnready is for Jobs only, and has no effect here"
    ]

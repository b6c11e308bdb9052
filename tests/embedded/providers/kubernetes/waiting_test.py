"""Waiting: until when, what is shown meanwhile, and what ends it early."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import InitFailed, ProviderError
from tests.embedded.providers.kubernetes.harness import Manifest, Session
from tests.embedded.providers.kubernetes.manifests import (
    changed,
    claim,
    config_map,
    custom,
    definition,
    deployment,
    job,
    named,
    namespace_of,
    pod_spec,
    service,
    stateful_set,
    template,
    with_annotations,
)

pytestmark = pytest.mark.usefixtures("kubelet")

SOON = 20.0
"""Seconds: far less than any timeout, far more than a busy machine needs."""


def pod(namespace: str, behaves: str) -> Manifest:
    metadata = named("alone", namespace, labels={"behaves": behaves})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(behaves)}


def daemon_set(namespace: str, behaves: str = "") -> Manifest:
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", behaves)}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": named("agent", namespace), "spec": spec}


def fails(session: Session, manifest: Manifest, *, timeout: float = 0.0) -> InitFailed:
    with pytest.raises(InitFailed) as caught:
        session.create(manifest, timeout=timeout)
    return caught.value


def shown(session: Session, *words: str) -> bool:
    return any(all(word in status for word in words) for status in session.statuses)


@pytest.mark.parametrize("make", [deployment, stateful_set, daemon_set])
def test_a_workload_is_made_when_its_pods_are_ready(session: Session, namespace: str, make: Any) -> None:
    status = session.create(make(namespace)).plain["status"]
    assert status.get("readyReplicas") or status.get("numberReady")


@pytest.mark.parametrize("make", [deployment, stateful_set, daemon_set])
def test_a_workload_is_changed_when_the_new_pods_are_ready(session: Session, namespace: str, make: Any) -> None:
    made = session.create(make(namespace))
    manifest = make(namespace)
    manifest["spec"]["template"]["metadata"]["annotations"] = {"checksum": "2"}
    status = session.update(made, manifest).plain["status"]
    assert status.get("updatedReplicas") or status.get("updatedNumberScheduled")
    assert status["observedGeneration"] == 2


def test_a_job_is_made_when_it_is_complete(session: Session, namespace: str) -> None:
    assert session.create(job(namespace)).plain["status"]["succeeded"] == 1


def test_a_suspended_job_is_not_waited_for(session: Session, namespace: str) -> None:
    assert session.create(job(namespace, suspend=True)).plain["spec"]["suspend"] is True


def test_a_failed_job_is_an_error_with_its_last_log_lines(session: Session, namespace: str) -> None:
    failure = fails(session, job(namespace, behaves="fail", backoffLimit=0))
    assert "BackoffLimitExceeded" in str(failure)
    assert "ValueError: no such table: users" in str(failure)


def test_a_pod_is_waited_for(session: Session, namespace: str) -> None:
    assert session.create(pod(namespace, "ready")).plain["status"]["phase"] == "Running"


def test_a_failed_pod_is_an_error(session: Session, namespace: str) -> None:
    assert "the Pod failed" in str(fails(session, pod(namespace, "fail")))


@pytest.mark.parametrize("make", [deployment, stateful_set, daemon_set])
def test_a_missing_image_fails_early(session: Session, namespace: str, make: Any) -> None:
    started = time.monotonic()
    failure = fails(session, make(namespace, behaves="no-image"))
    assert time.monotonic() - started < SOON
    assert "ErrImagePull" in str(failure)
    assert "registry.invalid/app:1: not found" in str(failure)


def test_the_third_crash_fails_with_the_last_log_lines(session: Session, namespace: str) -> None:
    started = time.monotonic()
    failure = fails(session, deployment(namespace, behaves="crash"))
    assert time.monotonic() - started < SOON
    assert "exit code 1" in str(failure)
    assert "ValueError: no such table: users" in str(failure)
    assert failure.properties["metadata"]["uid"]


def test_a_failing_probe_is_shown_and_waited_for(session: Session, namespace: str) -> None:
    failure = fails(session, deployment(namespace, behaves="unready"), timeout=6.0)
    assert "not ready after 6 s" in str(failure)
    assert shown(session, "Readiness probe failed: HTTP probe failed with statuscode: 503")


def test_an_unschedulable_pod_is_shown_and_waited_for(
    session: Session, namespace: str, control_plane: ControlPlane
) -> None:
    manifest = deployment(namespace)
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"pool": namespace}

    def add_node() -> None:
        while not shown(session, "is not scheduled", "node affinity/selector"):
            time.sleep(0.1)
        labels = {"pool": namespace}
        metadata = {"name": f"late-{namespace}", "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        size = {"cpu": "4", "memory": "4Gi", "pods": "10"}
        node = {"metadata": metadata, "status": {"allocatable": size, "capacity": size}}
        control_plane.call("POST", "/api/v1/nodes", node)

    helper = threading.Thread(target=add_node)
    helper.start()
    made = session.create(manifest, timeout=60.0)
    helper.join()
    assert made.plain["status"]["availableReplicas"] == 1


def test_a_quota_that_lasts_fails_early(session: Session, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": named("q", namespace)}
    session.create({**quota, "spec": {"hard": {"requests.cpu": "1m"}}})
    started = time.monotonic()
    failure = fails(session, deployment(namespace))
    assert time.monotonic() - started < 2 * SOON
    assert "exceeded quota: q" in str(failure)
    assert shown(session, "exceeded quota: q")


def test_pod_security_that_refuses_fails_early(session: Session, namespace: str) -> None:
    session.create(namespace_of(f"{namespace}-strict", **{"pod-security.kubernetes.io/enforce": "restricted"}))
    failure = fails(session, stateful_set(f"{namespace}-strict"))
    assert "violates PodSecurity" in str(failure)


def test_a_service_is_made_when_a_pod_answers_behind_it(session: Session, namespace: str) -> None:
    helper = threading.Timer(1.0, lambda: session.create(deployment(namespace)))
    helper.start()
    started = time.monotonic()
    session.create(service(namespace))
    assert time.monotonic() - started < 10.0
    helper.join()


def test_a_service_with_unready_pods_is_waited_for(session: Session, namespace: str) -> None:
    session.create(with_annotations(deployment(namespace, behaves="unready"), {"pulumi.com/skipAwait": "true"}))
    assert "none of its 1 pods is ready" in str(fails(session, service(namespace), timeout=14.0))


@pytest.mark.parametrize(
    "fields", [{"clusterIP": "None"}, {"type": "ExternalName", "externalName": "example.com"}, {"selector": {}}]
)
def test_a_service_without_pods_of_its_own_is_made_at_once(
    session: Session, namespace: str, fields: dict[str, Any]
) -> None:
    started = time.monotonic()
    session.create(service(namespace, **fields))
    assert time.monotonic() - started < 5.0


def test_a_load_balancer_waits_for_its_address(session: Session, namespace: str) -> None:
    failure = fails(session, service(namespace, type="LoadBalancer"), timeout=2.0)
    assert "no address allocated by a load balancer yet" in str(failure)


def test_an_ingress_waits_for_its_address(session: Session, namespace: str, control_plane: ControlPlane) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": named("in", namespace)}
    manifest["spec"] = {"defaultBackend": backend}
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/in/status"

    def give_address() -> None:
        while not shown(session, "no controller has given it an address yet"):
            time.sleep(0.1)
        status = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
        control_plane.call("PATCH", path, {"status": status}, "application/merge-patch+json")

    helper = threading.Thread(target=give_address)
    helper.start()
    assert session.create(manifest).plain["status"]["loadBalancer"]["ingress"]
    helper.join()


def test_a_claim_waits_for_its_volume(session: Session, namespace: str) -> None:
    volume = {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}, "accessModes": ["ReadWriteOnce"]}
    name = f"{namespace}-v"
    manifest = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}}
    helper = threading.Timer(
        2.0, lambda: session.create({**manifest, "spec": {**volume, "storageClassName": "by-hand"}})
    )
    helper.start()
    made = session.create(claim(namespace, storageClassName="by-hand", volumeName=name))
    helper.join()
    assert made.plain["status"]["phase"] == "Bound"


def test_a_claim_that_waits_for_its_first_pod_is_made_at_once(session: Session, namespace: str) -> None:
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": f"{namespace}-late"}}
    session.create({**kind, "provisioner": "example.com/x", "volumeBindingMode": "WaitForFirstConsumer"})
    assert session.create(claim(namespace, storageClassName=f"{namespace}-late")).plain["status"]["phase"] == "Pending"


def test_a_definition_with_taken_names_fails_early(session: Session, namespace: str) -> None:
    group = f"{namespace}.example.com"
    session.create(definition(group, "Lake"))
    other = definition(group, "Lake")
    other["metadata"]["name"] = f"loches.{group}"
    other["spec"]["names"]["plural"] = "loches"
    assert "its names are not accepted" in str(fails(session, other))


def test_a_namespace_is_active(session: Session, namespace: str) -> None:
    assert session.create(namespace_of(f"{namespace}-x")).plain["status"]["phase"] == "Active"


def test_an_object_comes_after_the_namespace_of_the_same_run(session: Session, namespace: str) -> None:
    """A program that forgets the dependency still works, as with the official provider."""
    later = namespace_of(f"{namespace}-later")
    resource = session.resource(later)
    inputs = session.check(resource, later)
    helper = threading.Timer(1.0, lambda: session.provider.create(session.call(resource.urn), resource, inputs))
    helper.start()
    assert session.create(config_map(f"{namespace}-later")).id == f"{namespace}-later/settings"
    helper.join()


def test_a_custom_resource_comes_after_the_definition_of_the_same_run(session: Session, namespace: str) -> None:
    group = f"{namespace}.example.com"
    session.preview(definition(group, "Lake"))
    helper = threading.Timer(1.0, lambda: session.create(definition(group, "Lake")))
    helper.start()
    assert session.create(custom(group, "Lake", "one", namespace)).id.endswith("one")
    helper.join()


def test_an_object_may_be_declared_before_its_namespace_and_its_definition(
    session: Session, namespace: str, another_run: Callable[..., Session]
) -> None:
    def declare() -> None:
        later.create(definition("late.example.com", "Latecomer"))
        later.create(namespace_of(f"{namespace}-late"))

    later = another_run()
    timer = threading.Timer(1.0, declare)
    timer.start()
    made = session.create(custom("late.example.com", "Latecomer", "first", f"{namespace}-late"))
    timer.join()
    assert made.id == f"{namespace}-late/first"


def test_skip_await_does_not_wait(session: Session, namespace: str) -> None:
    manifest = with_annotations(deployment(namespace, behaves="nothing"), {"pulumi.com/skipAwait": "true"})
    started = time.monotonic()
    made = session.create(manifest)
    session.update(made, changed(manifest, replicas=2))
    assert time.monotonic() - started < 5.0


def test_the_annotation_limits_the_wait(session: Session, namespace: str) -> None:
    manifest = with_annotations(deployment(namespace, behaves="nothing"), {"pulumi.com/timeoutSeconds": "2"})
    assert "not ready after 2 s" in str(fails(session, manifest))


def test_custom_timeouts_win_over_the_annotation(session: Session, namespace: str) -> None:
    manifest = with_annotations(deployment(namespace, behaves="nothing"), {"pulumi.com/timeoutSeconds": "300"})
    assert "not ready after 1 s" in str(fails(session, manifest, timeout=1.0))


def test_a_timeout_that_is_no_number_is_refused(session: Session, namespace: str) -> None:
    manifest = with_annotations(deployment(namespace), {"pulumi.com/timeoutSeconds": "soon"})
    with pytest.raises(ProviderError, match=r"pulumi\.com/timeoutSeconds: 'soon' is no number of seconds"):
        session.create(manifest)


def test_a_cancelled_run_stops_waiting_and_keeps_the_object(session: Session, namespace: str) -> None:
    threading.Timer(1.5, session.provider.cancelled.set).start()
    started = time.monotonic()
    failure = fails(session, deployment(namespace, behaves="nothing"))
    assert time.monotonic() - started < 6.0
    assert "the run was cancelled" in str(failure)
    assert failure.id == f"{namespace}/web"


def test_an_object_deleted_by_another_ends_the_wait(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    def delete() -> None:
        while not session.statuses:
            time.sleep(0.1)
        kubectl("delete", "deployment", "web", "-n", namespace)

    helper = threading.Thread(target=delete)
    helper.start()
    assert "was deleted while it was waited for" in str(fails(session, deployment(namespace, behaves="nothing")))
    helper.join()

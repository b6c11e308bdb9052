"""A preview asks the server, and says where it could not."""

from typing import Any

import pytest

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import UNKNOWN, ProviderError
from tests.embedded.providers.kubernetes.harness import Session
from tests.embedded.providers.kubernetes.manifests import (
    changed,
    config_map,
    custom,
    definition,
    deployment,
    job,
    namespace_of,
    service,
    stateful_set,
)


def count_of(session: Session) -> str:
    """The last count of objects that no server has checked, as the stack's row shows it."""
    return next(message for message in reversed(session.statuses) if "checked by a server" in message)


def test_an_invalid_field_is_refused_with_its_path(session: Session, namespace: str) -> None:
    with pytest.raises(ProviderError, match=r'unknown field "spec\.replica"'):
        session.preview(changed(deployment(namespace), replica=2))


def test_an_invalid_value_is_refused_with_its_path(session: Session, namespace: str) -> None:
    with pytest.raises(ProviderError, match=r"spec.ports\[0\].port"):
        session.preview(service(namespace, ports=[{"port": 123456}]))


def test_an_invalid_change_is_refused_in_preview(session: Session, namespace: str) -> None:
    made = session.create(deployment(namespace))
    with pytest.raises(ProviderError, match=r"spec.replicas.*-1"):
        session.update(made, deployment(namespace, replicas=-1), preview=True)


def test_a_preview_changes_nothing(session: Session, namespace: str, control_plane: ControlPlane) -> None:
    shown = session.preview(config_map(namespace))
    assert shown["data"] == {"a": "1"}
    assert "uid" not in shown["metadata"]
    names = [item["metadata"]["name"] for item in _list(control_plane, namespace, "configmaps")]
    assert "settings" not in names


def test_a_preview_shows_what_the_server_defaults(session: Session, namespace: str) -> None:
    shown = session.preview(deployment(namespace))
    assert shown["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "status" not in shown


@pytest.mark.parametrize("make", [deployment, stateful_set, job])
def test_pods_that_pod_security_would_refuse_become_a_warning(session: Session, make: Any) -> None:
    name = f"strict-{make.__name__.replace('_', '-')}"
    session.create(namespace_of(name, **{"pod-security.kubernetes.io/enforce": "restricted"}))
    session.preview(make(name))
    assert any("violates PodSecurity" in warning and "pods of" in warning for warning in session.warnings)


def test_a_stateful_set_may_mount_what_its_claim_templates_bring(session: Session, namespace: str) -> None:
    made = stateful_set(namespace, claims=True)
    made["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    session.preview(made)
    assert session.warnings == []


def test_pods_over_a_quota_become_a_warning(session: Session, namespace: str) -> None:
    hard = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": namespace}}
    session.create({**hard, "spec": {"hard": {"requests.cpu": "1m"}}})
    session.preview(deployment(namespace))
    assert any("exceeded quota: q" in warning for warning in session.warnings)


def test_pods_over_a_limit_range_become_a_warning(session: Session, namespace: str) -> None:
    limits = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l", "namespace": namespace}}
    session.create({**limits, "spec": {"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}})
    session.preview(deployment(namespace))
    assert any("maximum cpu usage per Container is 100m" in warning for warning in session.warnings)


def test_pods_without_trouble_warn_of_nothing(session: Session, namespace: str) -> None:
    session.preview(deployment(namespace))
    assert session.warnings == []


def test_a_service_account_of_the_same_run_is_not_missed(session: Session, namespace: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": namespace}}
    session.preview(account)
    workload = deployment(namespace)
    workload["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    session.preview(workload)
    assert session.warnings == []


def test_a_missing_service_account_is_told(session: Session, namespace: str) -> None:
    workload = deployment(namespace)
    workload["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    session.preview(workload)
    assert any('serviceaccount "nobody" not found' in warning for warning in session.warnings)


def test_objects_of_a_namespace_of_the_same_run_preview_and_are_counted(session: Session) -> None:
    session.preview(namespace_of("yet-to-come"))
    session.preview(config_map("yet-to-come"))
    session.preview(deployment("yet-to-come"))
    assert count_of(session) == "2 objects were not checked by a server"
    assert session.warnings == []


def test_a_namespace_that_nobody_makes_is_told(session: Session) -> None:
    session.preview(config_map("misspelt"))
    assert count_of(session) == "1 object was not checked by a server"
    assert any("'misspelt' does not exist" in warning for warning in session.warnings)


def test_custom_resources_whose_definition_comes_in_the_same_run_preview_and_are_counted(
    session: Session, namespace: str
) -> None:
    session.preview(definition("soon.example.com", "Soon"))
    shown = session.preview(custom("soon.example.com", "Soon", "one", namespace, size=1))
    assert shown["spec"] == {"size": 1}
    assert count_of(session) == "1 object was not checked by a server"
    assert session.warnings == []


def test_unknown_values_are_counted_and_kept(session: Session, namespace: str) -> None:
    shown = session.preview(config_map(namespace, address=UNKNOWN))  # pyright: ignore[reportArgumentType]
    assert shown["data"]["address"] is UNKNOWN
    assert count_of(session) == "1 object was not checked by a server"


def test_a_deprecated_api_is_told_unless_suppressed(session: Session, namespace: str, another_run: Any) -> None:
    old = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "old", "namespace": namespace}}
    session.preview(old)
    assert any("deprecated" in warning for warning in session.warnings)
    quiet = another_run(suppressDeprecationWarnings="true")
    quiet.preview(old)
    assert quiet.warnings == []


def test_a_helm_hook_is_told_unless_suppressed(session: Session, namespace: str, another_run: Any) -> None:
    hook = config_map(namespace)
    hook["metadata"]["annotations"] = {"helm.sh/hook": "pre-install"}
    session.preview(hook)
    assert any("Helm hook" in warning for warning in session.warnings)
    quiet = another_run(suppressHelmHookWarnings="true")
    quiet.preview(hook)
    assert quiet.warnings == []


def _list(plane: ControlPlane, namespace: str, plural: str) -> list[dict[str, Any]]:
    return plane.call("GET", f"/api/v1/namespaces/{namespace}/{plural}")["items"]

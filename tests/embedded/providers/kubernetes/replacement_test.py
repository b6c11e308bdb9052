"""What is changed in place, what is replaced, and what is not replaced for the data's sake."""

from collections.abc import Callable
from typing import Any

import pytest

from embedded.providers.base import ProviderError
from tests.embedded.providers.kubernetes.harness import Manifest, Session, replaced
from tests.embedded.providers.kubernetes.manifests import (
    changed,
    claim,
    claim_spec,
    config_map,
    deployment,
    job,
    named,
    namespace_of,
    pod_spec,
    secret,
    service,
    stateful_set,
    template,
    with_annotations,
)

ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
DISPOSABLE = {"groundwork.dev/data": "disposable"}
SKIP = {"pulumi.com/skipAwait": "true"}


def test_a_changed_config_map_or_secret_is_replaced(session: Session, namespace: str) -> None:
    made = session.create(config_map(namespace, a="1"))
    new, found = session.up(made, config_map(namespace, a="2"))
    assert replaced(found) == ["data.a"]
    assert found.delete_first
    assert new.plain["metadata"]["uid"] != made.plain["metadata"]["uid"]
    kept = session.create(secret(namespace, a="1"))
    assert replaced(session.diff(kept, secret(namespace, a="2"))) == ["stringData.a"]


def test_a_config_map_without_a_fixed_name_is_replaced_before_the_old_one_goes(
    session: Session, namespace: str
) -> None:
    manifest: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace}}
    made = session.create({**manifest, "data": {"a": "1"}}, "settings")
    assert made.id.startswith(f"{namespace}/settings-")
    found = session.diff(made, {**manifest, "data": {"a": "2"}})
    assert found.replaces
    assert not found.delete_first


def test_a_name_made_up_stays(session: Session, namespace: str) -> None:
    manifest: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace}}
    made = session.create(manifest, "settings")
    assert session.diff(made, manifest).changes == {}


def test_mutable_config_maps_and_secrets_change_in_place(another_run: Callable[..., Session], namespace: str) -> None:
    session = another_run(enableConfigMapMutable="true", enableSecretMutable="true")
    made = session.create(config_map(namespace, a="1"))
    new, found = session.up(made, config_map(namespace, a="2"))
    assert not found.replaces
    assert new.plain["metadata"]["uid"] == made.plain["metadata"]["uid"]
    kept = session.create(secret(namespace, a="1"))
    assert not session.diff(kept, secret(namespace, a="2")).replaces


def test_an_immutable_config_map_is_replaced_even_so(another_run: Callable[..., Session], namespace: str) -> None:
    session = another_run(enableConfigMapMutable="true")
    made = session.create({**config_map(namespace, a="1"), "immutable": True})
    new, found = session.up(made, {**config_map(namespace, a="2"), "immutable": True})
    assert replaced(found) == ["data.a"]
    assert new.plain["data"] == {"a": "2"}


def binding(namespace: str, role: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": named("readers", namespace),
        "roleRef": {**ROLE, "name": role},
        "subjects": [],
    }


def storage_class(name: str, provisioner: str) -> Manifest:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
    }


def addressed(namespace: str) -> Manifest:
    return with_annotations(service(namespace, clusterIP="10.96.7.7"), SKIP)


def pod(namespace: str, **spec: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": named("alone", namespace), "spec": pod_spec(**spec)}


def selecting(make: Any, namespace: str, app: str) -> Manifest:
    return changed(make(namespace), selector={"matchLabels": {"app": app}}, template=template(app))


IMMUTABLE: list[tuple[str, Callable[[str], tuple[Manifest, Manifest]], str]] = [
    ("Deployment's selector", lambda n: (deployment(n), selecting(deployment, n, "other")), "spec.selector"),
    ("StatefulSet's selector", lambda n: (stateful_set(n), selecting(stateful_set, n, "other")), "spec.selector"),
    ("StatefulSet's service", lambda n: (stateful_set(n), changed(stateful_set(n), serviceName="x")), "spec.service"),
    ("Job's template", lambda n: (job(n), job(n, template=template("other", restartPolicy="Never"))), "spec.template"),
    ("Job's completions", lambda n: (job(n), job(n, completions=2)), "spec.completions"),
    ("binding's role", lambda n: (binding(n, "view"), binding(n, "edit")), "roleRef.name"),
    ("Secret's type", lambda n: (secret(n, a="1"), {**secret(n, a="1"), "type": "example.com/x"}), "type"),
    ("StorageClass' provisioner", lambda n: (storage_class(n, "a.b/c"), storage_class(n, "a.b/d")), "provisioner"),
    ("Pod's spec", lambda n: (pod(n), pod(n, terminationGracePeriodSeconds=1)), "spec.termination"),
    ("Service's address", lambda n: (service(n, clusterIP="None"), addressed(n)),
     "spec.clusterIP"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "path"), [case[1:] for case in IMMUTABLE], ids=[case[0] for case in IMMUTABLE])
def test_an_immutable_field_replaces_with_the_old_object_deleted_first(
    session: Session, namespace: str, make: Callable[[str], tuple[Manifest, Manifest]], path: str
) -> None:
    before, after = make(namespace)
    made = session.create(before)
    new, found = session.up(made, after)
    assert any(text.startswith(path) for text in replaced(found)), found
    assert found.delete_first
    assert new.plain["metadata"]["uid"] != made.plain["metadata"]["uid"]


def test_a_new_name_replaces_and_the_old_object_goes_last(session: Session, namespace: str) -> None:
    made = session.create(config_map(namespace, "before"))
    new, found = session.up(made, config_map(namespace, "after"))
    assert replaced(found) == ["metadata.name"]
    assert not found.delete_first
    assert new.id == f"{namespace}/after"


def test_a_preview_of_a_replacement_is_checked_though_the_name_is_still_taken(session: Session, namespace: str) -> None:
    session.create(job(namespace))
    shown = session.preview(job(namespace, completions=2))
    assert shown["spec"]["completions"] == 2
    assert shown["metadata"]["name"] == "once"
    with pytest.raises(ProviderError, match=r'unknown field "spec\.completion"'):
        session.preview(job(namespace, completion=2))


def test_the_rest_changes_in_place(session: Session, namespace: str) -> None:
    made = session.create(deployment(namespace))
    new, found = session.up(made, deployment(namespace, replicas=2))
    assert set(found.changes) == {"spec.replicas"}
    assert not found.replaces
    assert new.plain["status"]["availableReplicas"] == 2


def stays(session: Session, before: Manifest, after: Manifest) -> str:
    made = session.create(before)
    with pytest.raises(ProviderError) as caught:
        session.up(made, after)
    refreshed = session.refresh(made)
    assert refreshed is not None
    assert refreshed.plain["metadata"]["uid"] == made.plain["metadata"]["uid"]
    return str(caught.value)


def test_a_claim_is_never_replaced(session: Session, namespace: str) -> None:
    before = with_annotations(claim(namespace, storageClassName="a"), SKIP)
    words = stays(session, before, with_annotations(claim(namespace, storageClassName="b"), SKIP))
    assert "spec.storageClassName" in words
    assert 'groundwork.dev/data: "disposable"' in words


def test_a_namespace_is_never_replaced(session: Session, namespace: str) -> None:
    stays(session, namespace_of(f"{namespace}-a"), namespace_of(f"{namespace}-b"))


def test_a_stateful_set_with_other_claims_is_never_replaced(session: Session, namespace: str) -> None:
    larger = changed(stateful_set(namespace), volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    larger["spec"]["volumeClaimTemplates"][0]["spec"] = claim_spec("2Gi")
    before = with_annotations(stateful_set(namespace, claims=True), SKIP)
    assert "the claims of StatefulSet" in stays(session, before, with_annotations(larger, SKIP))


def test_a_stateful_set_whose_claims_stay_is_replaced(session: Session, namespace: str) -> None:
    before = with_annotations(stateful_set(namespace, claims=True), SKIP)
    made = session.create(before)
    after = with_annotations(stateful_set(namespace, claims=True, podManagementPolicy="Parallel"), SKIP)
    assert session.diff(made, after).delete_first


def test_a_stateful_set_whose_claims_would_be_deleted_with_it_is_never_replaced(
    session: Session, namespace: str
) -> None:
    policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    before = stateful_set(namespace, claims=True, persistentVolumeClaimRetentionPolicy=policy)
    after = changed(before, podManagementPolicy="Parallel")
    stays(session, with_annotations(before, SKIP), with_annotations(after, SKIP))


def test_data_declared_disposable_is_replaced(session: Session, namespace: str) -> None:
    before = with_annotations(claim(namespace, storageClassName="a"), {**SKIP, **DISPOSABLE})
    made = session.create(before)
    after = with_annotations(claim(namespace, storageClassName="b"), {**SKIP, **DISPOSABLE})
    new, found = session.up(made, after)
    assert found.delete_first
    assert new.plain["spec"]["storageClassName"] == "b"


def test_deleting_a_namespace_with_claims_in_it_works(session: Session, namespace: str) -> None:
    made = session.create(namespace_of(f"{namespace}-full"))
    session.create(with_annotations(claim(f"{namespace}-full"), SKIP))
    session.delete(made)
    assert session.refresh(made) is None

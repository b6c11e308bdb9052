"""Who owns which field: what others set is never taken silently."""

from collections.abc import Callable

import pytest

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import InitFailed, ProviderError
from tests.embedded.providers.kubernetes.harness import Session
from tests.embedded.providers.kubernetes.manifests import config_map, deployment, with_annotations

Run = Callable[..., Session]


def scale_by_hand(kubectl: Callable[..., str], namespace: str, replicas: int) -> None:
    patch = f'{{"spec":{{"replicas":{replicas}}}}}'
    kubectl("patch", "-n", namespace, "deployment", "web", "--field-manager=somebody", "--type=merge", "-p", patch)


@pytest.mark.parametrize("preview", [True, False])
def test_a_field_of_another_manager_is_reported_with_its_owner_and_left_alone(
    session: Session, namespace: str, kubectl: Callable[..., str], control_plane: ControlPlane, preview: bool
) -> None:
    made = session.create(deployment(namespace))
    scale_by_hand(kubectl, namespace, 3)
    with pytest.raises(ProviderError, match=r"spec.replicas by 'somebody'.*pulumi.com/patchForce"):
        session.update(made, deployment(namespace, replicas=2), preview=preview)
    live = control_plane.call("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/web")
    assert live["spec"]["replicas"] == 3


def test_patch_force_takes_the_field(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    made = session.create(deployment(namespace))
    scale_by_hand(kubectl, namespace, 3)
    forced = with_annotations(deployment(namespace, replicas=2), {"pulumi.com/patchForce": "true"})
    assert session.update(made, forced).plain["spec"]["replicas"] == 2


def test_a_field_that_the_program_leaves_out_stays_with_its_owner(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    manifest = deployment(namespace)
    del manifest["spec"]["replicas"]
    made = session.create(manifest)
    scale_by_hand(kubectl, namespace, 2)
    manifest["spec"]["minReadySeconds"] = 1
    assert session.update(made, manifest).plain["spec"]["replicas"] == 2


def test_a_field_that_goes_from_the_program_goes_from_the_object(session: Session, namespace: str) -> None:
    settings = {"enableConfigMapMutable": "true"}
    session.provider.configure({"kubeconfig": str(session.plane.kubeconfig), **settings})
    made = session.create(config_map(namespace, a="1", b="2"))
    assert session.update(made, config_map(namespace, a="1")).plain["data"] == {"a": "1"}


def patch_of(namespace: str, **data: str) -> dict[str, object]:
    return config_map(namespace, **data)


PATCH = "kubernetes:core/v1:ConfigMapPatch"


def test_a_patch_owns_its_fields_and_gives_them_back(
    session: Session, another_run: Run, namespace: str, control_plane: ControlPlane
) -> None:
    session.create(config_map(namespace, a="1"))
    other = another_run("other")
    patch = other.create(patch_of(namespace, b="2"), "patch", type=PATCH)
    assert patch.plain["data"] == {"a": "1", "b": "2"}
    other.delete(patch)
    live = control_plane.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/settings")
    assert live["data"] == {"a": "1"}


def test_a_patch_changes_in_place(session: Session, another_run: Run, namespace: str) -> None:
    session.create(config_map(namespace, a="1"))
    other = another_run("other")
    patch = other.create(patch_of(namespace, b="2"), "patch", type=PATCH)
    found = other.diff(patch, patch_of(namespace, b="3"))
    assert found.changes
    assert not found.replaces
    assert other.update(patch, patch_of(namespace, b="3")).plain["data"]["b"] == "3"


def test_a_patch_of_what_another_manager_owns_is_refused_unless_forced(
    session: Session, another_run: Run, namespace: str
) -> None:
    session.create(config_map(namespace, a="1"))
    other = another_run("other")
    with pytest.raises(ProviderError, match=r"data.a by 'pulumi-kubernetes-"):
        other.create(patch_of(namespace, a="2"), "patch", type=PATCH)
    forced = with_annotations(patch_of(namespace, a="2"), {"pulumi.com/patchForce": "true"})
    assert other.create(forced, "patch", type=PATCH).plain["data"] == {"a": "2"}


def test_a_patch_of_nothing_is_an_error(session: Session, namespace: str) -> None:
    with pytest.raises(ProviderError, match="does not exist: a Patch resource changes an object that is there"):
        session.create(patch_of(namespace, a="2"), "patch", type=PATCH)


def test_a_patch_without_a_name_is_refused(session: Session) -> None:
    resource = session.resource({"metadata": {}}, "patch", PATCH)
    failures = session.provider.check(resource, {}, {"apiVersion": "v1", "kind": "ConfigMap"}, b"").failures
    assert failures[0].property == "metadata.name"


def test_the_field_manager_can_be_chosen(session: Session, namespace: str, control_plane: ControlPlane) -> None:
    session.create(with_annotations(config_map(namespace), {"pulumi.com/patchFieldManager": "robot"}))
    live = control_plane.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/settings")
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["robot"]


def test_an_object_that_exists_is_an_error(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=a=0")
    for attempt in (session.preview, session.create):
        with pytest.raises(ProviderError, match=r"already exists and was not made by this resource.*kubectl-create"):
            attempt(config_map(namespace))


def test_what_a_crash_left_without_state_is_adopted(session: Session, another_run: Run, namespace: str) -> None:
    first = session.create(config_map(namespace))
    again = another_run().create(config_map(namespace))
    assert again.plain["metadata"]["uid"] == first.plain["metadata"]["uid"]


def test_the_same_name_in_another_stack_is_not_adopted(session: Session, another_run: Run, namespace: str) -> None:
    session.create(config_map(namespace))
    with pytest.raises(ProviderError, match="already exists"):
        another_run("production").create(config_map(namespace))


def test_an_object_renamed_without_alias_never_deletes_its_twin(
    session: Session, namespace: str, control_plane: ControlPlane
) -> None:
    old = session.create(config_map(namespace), "old-name")
    with pytest.raises(ProviderError, match="for a resource that was renamed in the program, add an alias"):
        session.create(config_map(namespace), "new-name")
    live = control_plane.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/settings")
    assert live["metadata"]["uid"] == old.plain["metadata"]["uid"]


def test_deleting_leaves_alone_what_another_made_anew_under_the_same_name(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    made = session.create(config_map(namespace))
    kubectl("delete", "configmap", "settings", "-n", namespace)
    kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=a=0")
    session.delete(made)
    assert "settings" in kubectl("get", "configmap", "-n", namespace, "-o", "name")


def test_what_failed_to_become_ready_is_kept_and_updated(session: Session, namespace: str) -> None:
    manifest = deployment(namespace, behaves="nothing")
    with pytest.raises(InitFailed) as caught:
        session.create(manifest, timeout=1.0)
    kept = session.kept(caught.value, manifest)
    assert kept.plain["metadata"]["uid"]
    assert session.update(kept, deployment(namespace)).plain["status"]["availableReplicas"] == 1

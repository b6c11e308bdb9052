"""Read, refresh, import, get, delete: what is there, what is not, and what can't be known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import ProviderError, Secret
from tests.embedded.providers.kubernetes.harness import Session, through_the_wire
from tests.embedded.providers.kubernetes.manifests import (
    claim,
    config_map,
    custom,
    definition,
    deployment,
    namespace_of,
    secret,
    with_annotations,
)

Run = Callable[..., Session]


def test_a_refresh_brings_in_what_another_has_changed(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    manifest = deployment(namespace)
    made = session.create(manifest)
    kubectl("scale", "-n", namespace, "deployment/web", "--replicas=2")
    refreshed = session.refresh(made)
    assert refreshed is not None
    assert refreshed.inputs["spec"]["replicas"] == 2
    assert set(session.diff(refreshed, manifest).changes) == {"spec.replicas"}


def test_a_refresh_takes_another_way_of_writing_for_no_change(session: Session, namespace: str) -> None:
    manifest = deployment(namespace)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "0.05", "memory": "1024Ki"}}
    made = session.create(manifest)
    live = made.plain["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
    assert live["cpu"] == "50m"
    refreshed = session.refresh(made)
    assert refreshed is not None
    assert session.diff(refreshed, manifest).changes == {}


def test_a_refresh_brings_in_no_server_defaults(session: Session, namespace: str) -> None:
    made = session.create(deployment(namespace))
    refreshed = session.refresh(made)
    assert refreshed is not None
    assert refreshed.inputs == made.inputs


def test_a_missing_object_is_missing(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    made = session.create(config_map(namespace))
    kubectl("delete", "configmap", "settings", "-n", namespace)
    assert session.refresh(made) is None
    assert session.get("kubernetes:core/v1:ConfigMap", f"{namespace}/settings") is None


def test_an_object_of_a_kind_that_is_gone_is_missing(session: Session, another_run: Run, namespace: str) -> None:
    group = f"{namespace}.example.com"
    kind = session.create(definition(group, "Lake"))
    lake = session.create(custom(group, "Lake", "one", namespace))
    session.delete(kind)
    later = another_run()
    assert later.refresh(lake) is None
    later.delete(lake)


def test_get_reads_what_is_there(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    kubectl("create", "configmap", "given", "-n", namespace, "--from-literal=a=1")
    found = session.get("kubernetes:core/v1:ConfigMap", f"{namespace}/given")
    assert found is not None
    assert found.plain["data"] == {"a": "1"}


def test_get_without_a_namespace_looks_in_the_default_one(another_run: Run, namespace: str) -> None:
    run = another_run(namespace=namespace)
    run.create(config_map(""))
    found = run.get("kubernetes:core/v1:ConfigMap", "settings")
    assert found is not None
    assert found.id == f"{namespace}/settings"


def test_an_import_yields_inputs_that_show_no_difference(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    manifest = deployment(namespace)
    kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    found = session.get("kubernetes:apps/v1:Deployment", f"{namespace}/web")
    assert found is not None
    assert "status" not in found.inputs
    assert not {"uid", "resourceVersion", "managedFields"} & found.inputs["metadata"].keys()
    assert session.diff(found, found.inputs).changes == {}


def test_an_imported_secret_is_secret(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "given", "namespace": namespace}}
    kubectl("apply", "-f", "-", stdin=json.dumps({**manifest, "stringData": {"password": "hunter2"}}))
    found = session.get("kubernetes:core/v1:Secret", f"{namespace}/given")
    assert found is not None
    assert isinstance(found.inputs["data"], Secret)
    assert isinstance(found.outputs["data"], Secret)
    assert "hunter2" not in repr(found.outputs)


def test_an_import_of_what_is_not_there_is_missing(session: Session) -> None:
    assert session.get("kubernetes:apps/v1:Deployment", "default/nothing") is None


@pytest.fixture
def unreachable(control_plane: ControlPlane, tmp_path: Path) -> str:
    """A kubeconfig whose server nobody answers for."""
    text = control_plane.kubeconfig.read_text().replace(control_plane.server, "https://127.0.0.1:1")
    for name in ("ca.crt", "admin.crt", "admin.key"):
        text = text.replace(f'"{name}"', json.dumps(str(control_plane.folder / name)))
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    return str(path)


def test_an_unreachable_cluster_is_an_error_for_whatever_is_asked(
    session: Session, another_run: Run, namespace: str, unreachable: str
) -> None:
    made = session.create(config_map(namespace))
    lost = another_run(kubeconfig=unreachable)
    asked = (
        lambda: lost.refresh(made),
        lambda: lost.delete(made),
        lambda: lost.diff(made, config_map(namespace, a="2")),
        lambda: lost.preview(config_map(namespace, "more")),
        lambda: lost.create(config_map(namespace, "more")),
    )
    for attempt in asked:
        with pytest.raises(ProviderError, match=r"https://127.0.0.1:1 is unreachable .* nothing was changed"):
            attempt()


def test_an_unreachable_cluster_may_be_given_up_explicitly(
    session: Session, another_run: Run, namespace: str, unreachable: str
) -> None:
    made = session.create(config_map(namespace))
    lost = another_run(kubeconfig=unreachable, deleteUnreachable="true")
    lost.delete(made)
    assert "deleteUnreachable is set" in lost.warnings[0]


def test_state_of_another_cluster_is_refused(session: Session, namespace: str) -> None:
    made = session.create(config_map(namespace))
    made.outputs["__cluster"] = "00000000-0000-0000-0000-000000000000"
    asked = (
        lambda: session.refresh(made),
        lambda: session.delete(made),
        lambda: session.diff(made, config_map(namespace, a="2")),
        lambda: session.update(made, config_map(namespace, a="2")),
    )
    for attempt in asked:
        with pytest.raises(ProviderError, match=r"made on another cluster .*Nothing was changed"):
            attempt()


def test_deleting_what_is_gone_is_fine(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    made = session.create(config_map(namespace))
    kubectl("delete", "configmap", "settings", "-n", namespace)
    session.delete(made)


def test_deleting_returns_when_the_object_and_its_pods_are_gone(
    session: Session, namespace: str, control_plane: ControlPlane
) -> None:
    made = session.create(deployment(namespace, replicas=2))
    session.delete(made)
    assert control_plane.call("GET", f"/api/v1/namespaces/{namespace}/pods")["items"] == []


def test_a_stuck_finalizer_is_named(session: Session, namespace: str, kubectl: Callable[..., str]) -> None:
    manifest = config_map(namespace)
    manifest["metadata"]["finalizers"] = ["example.com/never"]
    made = session.create(manifest)
    with pytest.raises(ProviderError, match=r"not gone after 7 s: held by the finalizer example.com/never"):
        session.delete(made, timeout=7.0)
    assert any("example.com/never" in status for status in session.statuses)
    kubectl("patch", "configmap", "settings", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    session.delete(made)


def test_what_keeps_a_namespace_is_named(session: Session, namespace: str) -> None:
    made = session.create(namespace_of(f"{namespace}-kept"))
    manifest = config_map(f"{namespace}-kept")
    manifest["metadata"]["finalizers"] = ["example.com/never"]
    session.create(manifest)
    with pytest.raises(ProviderError, match=r"not gone after 9 s: .*example.com/never"):
        session.delete(made, timeout=9.0)


def test_an_object_on_its_way_out_is_waited_for_before_it_is_made_anew(
    session: Session, namespace: str, kubectl: Callable[..., str]
) -> None:
    manifest = config_map(namespace)
    manifest["metadata"]["finalizers"] = ["example.com/slow"]
    session.create(manifest)
    kubectl("delete", "configmap", "settings", "-n", namespace, "--wait=false")
    import threading

    patch = ("patch", "configmap", "settings", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":[]}}')
    helper = threading.Timer(1.5, lambda: kubectl(*patch))
    helper.start()
    made = session.create(config_map(namespace))
    helper.join()
    assert "deletionTimestamp" not in made.plain["metadata"]


def test_skip_await_leaves_the_end_of_a_workload_alone(session: Session, namespace: str) -> None:
    made = session.create(with_annotations(deployment(namespace), {"pulumi.com/skipAwait": "true"}))
    session.delete(made)


def test_secrets_stay_secret_wherever_they_go(session: Session, namespace: str) -> None:
    made = session.create(secret(namespace, password="correct horse"))
    workload = deployment(namespace)
    container = workload["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "PASSWORD", "value": Secret("battery staple")}]
    using = session.create(workload)
    claimed = session.create(with_annotations(claim(namespace), {"pulumi.com/skipAwait": "true"}))
    assert claimed.id
    for state in (made, using):
        told = repr((state.inputs, state.outputs))
        assert "correct horse" not in told
        assert "Y29ycmVjdCBob3JzZQ" not in told
        assert "battery staple" not in told
    assert isinstance(through_the_wire(made.outputs)["data"], Secret)


def test_a_refusal_that_quotes_a_secret_is_shown_without_it(session: Session, namespace: str) -> None:
    manifest = config_map(namespace)
    manifest["metadata"]["labels"] = {"token": Secret("not a valid label!")}
    with pytest.raises(ProviderError) as caught:
        session.preview(manifest)
    assert "not a valid label!" not in str(caught.value)
    assert "[secret]" in str(caught.value)

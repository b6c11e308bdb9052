"""`groundwork preflight` on somebody else's cluster: what is wrong is refused with what to do; nothing is changed."""

import json
import os
import platform
import re
import time
from functools import partial
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli.clients import identity
from scripts.cli.clients.api import Api, connect
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.preflight import names, permissions, report
from stacks.foundation.rights import Document, Right, required, role_documents
from tests.scripts.cli.fakes import always

from . import platform_objects
from .conftest import run
from .pods import eventually, kubectl
from .users import kubeconfig, signed
from .wrong_stack import NODE, OURS, STACK, Team, admins, applied, bare, found, namespace, refusal, team

__all__ = ["bare", "team"]

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def test_a_cluster_that_has_all_is_well_and_the_command_says_so_to_programs(team: Team) -> None:
    environment = team.settle()
    done = run(".venv/bin/groundwork", "preflight", STACK, "--json", env={"XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]})
    document = json.loads(done.stdout)
    states = {each["check"]: each["state"] for each in document["checks"]}
    assert states.pop("from a pod") == "not known"
    assert set(states.values()) == {"ok"}
    assert document["for_the_admin"] == []
    assert not Backend(environment).checkpoint.exists()


def test_what_is_wrong_ends_command_and_up_before_anything_is_changed(team: Team) -> None:
    team.settle(storage_class="fast")
    env = {"XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    for command in ((".venv/bin/groundwork", "preflight", STACK), ("scripts/up", STACK)):
        done = run(*command, check=False, env=env)
        assert done.returncode == 1
        assert "groundwork:foundation.storage_class is 'fast'" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert f"namespace/{STACK}-mlflow" not in kubectl(team.bare, "get", "namespaces", "-oname")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://10.84.0.1:1", "refused"),
        ("https://nowhere.invalid:6443", "nowhere.invalid"),
        ("http://10.84.0.1:6443", "400"),
    ],
)
def test_an_api_server_that_is_not_there_is_refused(team: Team, server: str, expected: str) -> None:
    path = kubeconfig(team.bare, team.folder / "config", server=server)
    text = refusal(team.check(kubeconfig=str(path)), "API server")
    assert expected in text
    assert "groundwork:foundation.context" in text


def test_an_api_server_of_another_authority_is_refused(team: Team) -> None:
    other = signed("other", team.bare, own_authority=True)["client-certificate-data"]
    path = kubeconfig(team.bare, team.folder / "config", authority=other)
    assert "certificate signed by unknown authority" in refusal(team.check(kubeconfig=str(path)), "API server")


def test_a_login_that_is_not_accepted_is_refused(team: Team) -> None:
    missing = {"apiVersion": "client.authentication.k8s.io/v1", "command": "gone", "interactiveMode": "Never"}
    users: list[tuple[dict[str, Any], str]] = [
        (signed("dev", team.bare, days=-1), "the client certificate expired on"),
        (signed("dev", team.bare, own_authority=True), "401"),
        ({"token": "no-such-token"}, "401"),
        ({"exec": missing}, "gone"),
    ]
    for user, expected in users:
        path = kubeconfig(team.bare, team.folder / "config", user=user)
        assert expected in refusal(team.check(kubeconfig=str(path)), "API server")


def test_a_kubeconfig_that_leads_nowhere_is_refused_before_the_cluster_is_asked(team: Team) -> None:
    broken, empty = team.folder / "broken", team.folder / "empty"
    broken.write_text("{clusters: [")
    empty.write_text("[]")
    wrong: dict[str, dict[str, Any]] = {
        "did you mean 'groundwork-preflight-test'": {"context": "groundwork-preflight-tset"},
        "which is not there": {"kubeconfig": str(team.folder / "missing")},
        "is not YAML": {"kubeconfig": str(broken)},
        "not a kubeconfig": {"kubeconfig": str(empty)},
    }
    for expected, foundation in wrong.items():
        team.settle(config=None, **foundation)
        done = run(".venv/bin/groundwork", "preflight", STACK, check=False, env=dict(os.environ))
        assert done.returncode == 1
        assert expected in done.stderr


RIGHTS = required([], cluster_scope=True, further={})[None]
ONE_OF_EACH = list({right.resource: right for right in RIGHTS}.values())
"""A right to each resource."""


def test_each_right_that_is_missing_is_named(team: Team) -> None:
    users = {f"lacks-{index}": right for index, right in enumerate(ONE_OF_EACH)}
    roles: list[Document] = []
    for name, missing in users.items():
        granted: permissions.Wanted = {None: [right for right in RIGHTS if right != missing]}
        roles += role_documents(name, granted, ("User", name))
    with applied(team.bare, *roles):
        for name, missing in users.items():
            path = kubeconfig(team.bare, team.folder / "config", user={"as": name}, admin=True)
            with connect(team.settle(kubeconfig=str(path))) as api:
                assert eventually(partial(lacks_only, api, missing)), missing


def lacks_only(api: Api, missing: Right) -> bool:
    return permissions.missing_of(api, {None: RIGHTS}) == {None: [missing]}


def grant(team: Team, *, cluster_scope: bool) -> tuple[Environment, list[Document]]:
    """The stack of a user with a certificate, and what its admin applies for it."""
    path = kubeconfig(team.bare, team.folder / "config", user=signed("dev", team.bare))
    environment = team.settle(kubeconfig=str(path), cluster_scope=cluster_scope)
    given = environment.settings.existing
    assert given
    return environment, report.rights_documents(environment, given, ("User", "dev"))


@pytest.mark.parametrize("cluster_scope", [True, False])
def test_the_rights_that_are_printed_are_enough_and_no_others_are_needed(team: Team, cluster_scope: bool) -> None:
    environment, documents = grant(team, cluster_scope=cluster_scope)
    text = refusal([each for each in found(environment) if each.check != "namespaces"], "rights")
    assert "for dev" in text
    with applied(team.bare, *documents):
        assert eventually(lambda: not [each for each in found(environment) if each.state == "refused"])
        states = {each.check: each.state for each in found(environment)}
        # Of all nodes, what others ask for is seen by those only who may read all pods.
        assert states.pop("CPU and memory") == ("ok" if cluster_scope else "warning")
        assert set(states.values()) == {"ok"}


def test_with_the_rights_that_are_printed_every_object_of_the_platform_is_made_and_deleted(team: Team) -> None:
    environment, documents = grant(team, cluster_scope=False)
    with applied(team.bare, *documents), pytest.MonkeyPatch.context() as patch:
        assert eventually(lambda: not [each for each in found(environment) if each.state == "refused"])
        objects = platform_objects.declared(environment, team.folder, patch)
        assert {each["kind"] for each in objects} >= {"Role", "RoleBinding", "StatefulSet", "NetworkPolicy", "Secret"}
        everything = {"apiVersion": "v1", "kind": "List", "items": objects}
        as_dev = f"--kubeconfig={environment.settings.existing.kubeconfig}"  # pyright: ignore[reportOptionalMemberAccess]
        kubectl(team.bare, "apply", "-f-", "--server-side", "--force-conflicts", as_dev, document=everything)
        kubectl(team.bare, "delete", "-f-", "--wait=false", as_dev, document=everything)


def test_a_storage_class_must_be_there(team: Team) -> None:
    assert "did you mean 'standard'" in refusal(team.check(storage_class="standrad"), "storage class")
    mark = ("annotate", "storageclass", "standard", "--overwrite")
    kubectl(team.bare, *mark, f"{DEFAULT_CLASS}=false")
    try:
        text = refusal(team.check(), "storage class")
        assert "groundwork:foundation.storage_class is null, and the cluster has no default one" in text
        assert not [each for each in team.check(storage_class="standard") if each.state == "refused"]
    finally:
        kubectl(team.bare, *mark, f"{DEFAULT_CLASS}=true")


AMOUNTS: dict[str, Any] = {"cpu": "1", "memory": "900Gi"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"groundwork:mlflow": {"resources": {"requests": AMOUNTS, "limits": AMOUNTS}}},
            "groundwork:mlflow.resources.requests",
        ),
        (
            {"groundwork:workloads": {"iris": {"replicas": 20, "serving": {"requests": {"cpu": "400m"}}}}},
            "groundwork:workloads.iris.",
        ),
    ],
)
def test_a_cluster_without_room_is_refused(team: Team, config: dict[str, Any], expected: str) -> None:
    """Also one whose namespaces have no bounds, which such settings exceed."""
    assert expected in refusal(team.check(config=config, quota=None), "CPU and memory")


def test_nodes_of_another_architecture_are_refused(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = team.settle()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert "the images are arm64, the nodes amd64" in refusal(found(environment), "architecture")


def test_images_of_another_architecture_than_this_machines_come_from_a_registry_that_has_them(team: Team) -> None:
    registry = {"push": f"{NODE}:5000/groundwork", "ca": str(team.bare.ca), "architecture": "arm64"}
    wrong = {each.check: str(each) for each in team.check(registry=registry) if each.state == "refused"}
    assert wrong.keys() == {"architecture", "registry"}
    assert "it is amd64, and the nodes are arm64" in wrong["registry"]
    assert "groundwork images copy --to" in wrong["registry"]


def test_a_node_that_takes_no_pods_is_none(team: Team) -> None:
    kubectl(team.bare, "cordon", team.bare.name)
    try:
        wrong = {each.check for each in team.check() if each.state == "refused"}
    finally:
        kubectl(team.bare, "uncordon", team.bare.name)
    assert wrong == {"architecture", "CPU and memory"}


def test_a_clock_that_is_wrong_is_refused(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, now = team.settle(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert re.search(r"this machine's clock is 360\d s ahead", refusal(found(environment), "clocks"))


def test_names_that_somebody_else_has_are_refused(team: Team) -> None:
    with applied(team.bare, namespace(f"{STACK}-mlflow")):
        assert f"somebody else has {STACK}-mlflow" in refusal(team.check(), "namespaces")
    with applied(team.bare, namespace(f"{STACK}-mlflow", labels=OURS)):
        assert "whose state is not on this machine" in refusal(team.check(), "namespaces")


def test_a_namespace_that_is_being_deleted_is_waited_for_by_a_person(team: Team) -> None:
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    name = f"{STACK}-mlflow"
    kubectl(team.bare, "create", "-f-", document=namespace(name, labels=OURS))
    kubectl(team.bare, "create", "-f-", f"--namespace={name}", document=held)
    try:
        kubectl(team.bare, "delete", "namespace", name, "--wait=false")
        assert f"being deleted: {name}" in refusal(team.check(), "namespaces")
    finally:
        release = ("--type=merge", '--patch={"metadata":{"finalizers":null}}')
        kubectl(team.bare, "patch", "configmap", "held", f"--namespace={name}", *release)
        kubectl(team.bare, "wait", "--for=delete", f"namespace/{name}", "--timeout=60s")


def test_namespaces_that_the_admin_has_not_made_are_refused(team: Team) -> None:
    text = refusal(team.check(cluster_scope=False), "namespaces")
    assert f"{STACK}-mlflow" in text
    assert "--print-rights" in text


def test_a_namespace_that_gives_user_ids_of_its_own_is_refused(team: Team) -> None:
    team.settle(cluster_scope=False)
    with applied(team.bare, *admins(annotations={"openshift.io/sa.scc.uid-range": "1000680000/10000"})):
        text = refusal(team.check(cluster_scope=False), "user ids")
    assert "pods run as 10001" in text
    assert "groundwork:foundation.pods.user: null" in text


def test_a_namespace_that_enforces_nothing_is_warned_of(team: Team) -> None:
    team.settle(cluster_scope=False)
    with applied(team.bare, *admins()):
        states = {each.check: each.state for each in team.check(cluster_scope=False)}
    assert states["pod security"] == "warning"


def test_an_object_of_somebody_else_is_never_taken_over(team: Team) -> None:
    environment = team.settle(cluster_scope=False)
    platform_objects.pin_images(STACK)
    theirs = {"apiVersion": "v1", "kind": "Secret", "stringData": {"password": "theirs"}}
    metadata = {"name": "superuser", "namespace": f"{STACK}-database"}
    said: list[str] = []
    with applied(team.bare, *admins(), {**theirs, "metadata": metadata}):
        with pytest.raises(UserError, match=rf"{STACK}-database: secrets/superuser"):
            names.refuse_taken(environment, said.append)
        kubectl(team.bare, "delete", "secret", "superuser", "-n", f"{STACK}-database")
        kubectl(team.bare, "create", "-f-", document={**theirs, "metadata": {**metadata, "name": "elsewhere"}})
        names.refuse_taken(environment, said.append)
        assert "somebody else" in "".join(said)


def test_a_state_of_another_cluster_is_refused(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = team.settle()
    monkeypatch.setattr(Backend, "resources", always([{"urn": "something", "type": "something"}]))
    identity.record(environment)
    assert json.loads(environment.cluster_identity.read_text())["namespace"] == "kube-system"
    identity.check(environment)
    environment.cluster_identity.write_text(json.dumps({"namespace": "kube-system", "uid": "of-another"}))
    assert "UID of-another of namespace kube-system" in refusal(found(environment), "cluster of the state")


def test_rights_are_refused_one_by_one_in_an_admins_namespaces_too(team: Team) -> None:
    environment, documents = grant(team, cluster_scope=False)
    lacking = f"{STACK}-airflow"
    kept = [each for each in documents if each["metadata"].get("namespace") != lacking]
    with applied(team.bare, *kept):
        assert eventually(lambda: [each.check for each in found(environment) if each.state == "refused"] == ["rights"])
        finding = next(each for each in found(environment) if each.check == "rights")
    assert lacking in finding.detail
    assert str(Right("", "pods", "list")) in finding.detail
    assert {each["metadata"]["namespace"] for each in finding.documents} == {lacking}

import json
from pathlib import Path
from typing import Any

import pytest

from modules.core.contracts import IMAGE_USER
from modules.core.errors import UserError
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import settings_check, volumes
from tests.scripts.cli.fakes import Kubectl, refused, settings, stack

COMPONENTS = [("storage", "SeaweedFS"), ("database", "PostgreSQL"), ("jenkins", "Jenkins")]


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kubectl:
    """One whose storage class is a folder on this machine."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = Kubectl(monkeypatch)
    found.objects["storageclass", "standard"] = {"provisioner": "kubernetes.io/host-path"}
    return found


def asking(monkeypatch: pytest.MonkeyPatch, size: str, group: str = "storage", **others: Any) -> Environment:
    return stack(monkeypatch, settings(**{f"groundwork:{group}": {"volume": size, **others}}))


def deploy(environment: Environment, *resources: tuple[str, dict[str, Any]]) -> None:
    """A state with these resources: URN without its head, and spec."""
    listed = [
        {"urn": f"urn:pulumi:local::groundwork::{urn}", "inputs": {"spec": specification}}
        for urn, specification in resources
    ]
    folder = environment.backend / ".pulumi/stacks/groundwork"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "local.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": listed}}}))


def spec(size: str) -> dict[str, Any]:
    return {"storageClassName": "standard", "resources": {"requests": {"storage": size}}}


def claim(size: str, group: str = "storage", component: str = "SeaweedFS") -> tuple[str, dict[str, Any]]:
    kind = "kubernetes:core/v1:PersistentVolumeClaim"
    return f"groundwork:{group}:{component}${kind}::{group}-data", spec(size)


def stateful_set(size: str, group: str = "storage", component: str = "SeaweedFS") -> tuple[str, dict[str, Any]]:
    kind = "kubernetes:apps/v1:StatefulSet"
    template = {"spec": {"securityContext": {"runAsUser": IMAGE_USER}}}
    claims = [{"spec": spec(size)}]
    return f"groundwork:{group}:{component}${kind}::{group}-server", {
        "volumeClaimTemplates": claims,
        "template": template,
    }


@pytest.mark.parametrize(("group", "component"), COMPONENTS)
def test_a_smaller_volume_is_refused_wherever_it_is(
    group: str, component: str, monkeypatch: pytest.MonkeyPatch, cluster: Kubectl
) -> None:
    cluster.objects["storageclass", "standard"] = {"allowVolumeExpansion": True}
    environment = asking(monkeypatch, "1Gi", group)
    volumes.check(environment)
    deploy(environment, claim("10Gi", group, component))
    reported = refused(lambda: volumes.check(environment))
    assert reported.startswith(f"groundwork:{group}.volume is '1Gi' in stacks/Pulumi.local.yaml")
    assert "has 10Gi, and no volume shrinks: set it back to 10Gi" in reported


def test_up_refuses_it_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = asking(monkeypatch, "1Gi")
    deploy(environment, claim("10Gi"))
    assert refused(lambda: settings_check.check_settings(environment)) == refused(lambda: volumes.check(environment))


@pytest.mark.parametrize(("group", "component"), COMPONENTS)
def test_a_larger_volume_is_refused_where_its_class_does_not_let_it_grow(
    group: str, component: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = asking(monkeypatch, "500Gi", group)
    deploy(environment, claim("10Gi", group, component))
    reported = refused(lambda: volumes.check(environment))
    assert reported.startswith(f"groundwork:{group}.volume is '500Gi' in stacks/Pulumi.local.yaml")
    assert "storage class standard doesn't let volumes grow: set it back to 10Gi" in reported
    assert "grows as far as the disk does" in reported


def test_what_could_let_a_volume_grow_is_named_where_a_driver_makes_it(
    monkeypatch: pytest.MonkeyPatch, cluster: Kubectl
) -> None:
    cluster.objects["storageclass", "standard"] = {"provisioner": "ebs.csi.aws.com"}
    environment = asking(monkeypatch, "20Gi")
    deploy(environment, claim("10Gi"))
    reported = refused(lambda: volumes.check(environment))
    assert """`kubectl patch storageclass standard -p '{"allowVolumeExpansion": true}'`""" in reported
    assert "folder" not in reported


@pytest.mark.parametrize("deployed", [claim("10Gi"), stateful_set("10Gi")])
def test_a_volume_grows_where_its_class_lets_it(
    deployed: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, cluster: Kubectl
) -> None:
    """Also one that an earlier version made by the template of its StatefulSet alone."""
    environment = asking(monkeypatch, "20Gi")
    deploy(environment, deployed)
    assert "doesn't let volumes grow" in refused(lambda: volumes.check(environment))
    cluster.objects["storageclass", "standard"]["allowVolumeExpansion"] = True
    volumes.check(environment)


def test_a_volume_that_has_grown_is_held_to_what_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template keeps the size that it was made with."""
    deployed = (claim("20Gi"), stateful_set("10Gi"))
    environment = asking(monkeypatch, "10Gi")
    deploy(environment, *deployed)
    assert "set it back to 20Gi" in refused(lambda: volumes.check(environment))
    volumes.check(asking(monkeypatch, "20Gi"))


def test_the_same_size_in_another_unit_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = asking(monkeypatch, "10240Mi")
    deploy(environment, claim("10Gi"))
    volumes.check(environment)


def test_a_cluster_that_does_not_answer_is_named_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise UserError("its cluster does not answer")

    monkeypatch.setattr(kubectl, "get", stopped)
    environment = asking(monkeypatch, "20Gi")
    deploy(environment, claim("10Gi"))
    reported = refused(lambda: volumes.check(environment))
    assert "set it back to 10Gi, run `scripts/up local`" in reported
    assert "its cluster does not answer" in reported


def test_the_volume_of_a_service_that_is_left_out_may_have_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = asking(monkeypatch, "1Gi", "jenkins", enabled=False)
    deploy(environment, claim("8Gi", "jenkins", "Jenkins"))
    volumes.check(environment)


def test_the_class_that_the_cluster_chose_is_the_claims() -> None:
    urn, chosen = claim("10Gi")
    asked = {"resources": chosen["resources"]}
    found = volumes.claims([{"urn": urn, "inputs": {"spec": asked}, "outputs": {"spec": chosen}}])
    assert found == {"storage": chosen}


EXISTING: dict[str, Any] = {"target": "existing", "context": "team", "registry": {"push": "registry.example/ml"}}


@pytest.mark.parametrize(("foundation", "user", "written"), [({}, 20_000, "20000"), (EXISTING, None, "null")])
def test_data_of_one_user_are_not_given_to_another(
    foundation: dict[str, Any], user: int | None, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(asking(monkeypatch, "10Gi"), stateful_set("10Gi"))
    group = {"groundwork:workloads": {}, "groundwork:foundation": {**foundation, "pods": {"user": user}}}
    environment = stack(monkeypatch, settings(**group))
    reported = refused(lambda: volumes.check(environment))
    assert reported.startswith(f"groundwork:foundation.pods.user is {written} in stacks/Pulumi.local.yaml")
    assert f"set it back to {IMAGE_USER}" in reported


def test_data_of_the_images_user_stay_theirs_where_none_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = asking(monkeypatch, "10Gi")
    urn, specification = stateful_set("10Gi")
    deploy(environment, (urn, {**specification, "template": {"spec": {}}}))
    volumes.check(environment)

"""What claims want of the driver of EBS. tests/embedded/providers/aws/eks_test.py has a volume."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded.aws.volumes import (
    DRIVER,
    Provisioner,
    extra_tags,
    gibibytes,
    grown,
    missing,
    number_of,
    persistent_volume,
    released,
    tags,
)
from embedded.cluster.api import ApiError

NODE = "volume.kubernetes.io/selected-node"
CLASS: dict[str, Any] = {
    "metadata": {"name": "gp3"},
    "parameters": {"type": "gp3"},
    "volumeBindingMode": "WaitForFirstConsumer",
    "reclaimPolicy": "Delete",
}


def claim(driver: str = DRIVER, size: str = "10Gi", had: str = "", volume: str = "", node: str = "") -> dict[str, Any]:
    given = {"volume.kubernetes.io/storage-provisioner": driver, **({NODE: node} if node else {})}
    return {
        "metadata": {"name": "data", "namespace": "mlflow", "uid": "7", "annotations": given},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "gp3",
            "resources": {"requests": {"storage": size}},
            **({"volumeName": volume} if volume else {}),
        },
        "status": {"capacity": {"storage": had}} if had else {},
    }


class Account:
    """Volumes of an account, by id."""

    def __init__(self) -> None:
        self.volumes: dict[str, int] = {}

    def create(self, size: int, parameters: Any, tags: Any) -> str:
        del parameters, tags
        self.volumes["vol-1"] = size
        return "vol-1"

    def resize(self, volume: str, size: int) -> None:
        self.volumes[volume] = size

    def delete(self, volume: str) -> None:
        self.volumes.pop(volume, None)


class Api:
    """An API server that has a class, and what is put into it."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {"/apis/storage.k8s.io/v1/storageclasses/gp3": CLASS}

    def get(self, path: str) -> Any:
        if path not in self.objects:
            raise ApiError(404, "not found")
        return self.objects[path]

    def apply(self, path: str, document: Any) -> None:
        self.objects[path] = document

    def patch(self, path: str, change: Any) -> None:
        self.objects[path] = {**self.objects.get(path, {}), **change}

    def delete(self, path: str) -> None:
        del self.objects[path]


@pytest.fixture
def driver(tmp_path: Path) -> Provisioner:
    api: Any = Api()
    return Provisioner(api, tmp_path, node="node", cluster="groundwork-dev", account=Account(), tags={"owner": "a"})


@pytest.mark.parametrize(
    ("text", "size"), [("10Gi", 10), ("1500Mi", 2), ("1G", 1), ("5368709121", 6), ("0.5Ti", 512), ("1Ki", 1)]
)
def test_sizes_are_whole_gibibytes(text: str, size: int) -> None:
    assert gibibytes(text) == size


def test_a_claim_wants_a_volume_of_its_own_driver_alone_until_it_has_one() -> None:
    found = missing(claim())
    assert found
    assert (found.name, found.size) == ("pvc-7", 10)
    assert missing(claim(driver="kubernetes.io/host-path")) is None
    assert missing(claim(volume="pvc-7")) is None


def test_a_bound_claim_that_asks_for_more_grows() -> None:
    assert grown(claim(size="20Gi", had="10Gi", volume="pvc-7")) == 20
    assert grown(claim(size="10Gi", had="10Gi", volume="pvc-7")) is None
    assert grown(claim(size="20Gi")) is None


def test_a_volume_is_made_once_its_pod_has_a_node_and_goes_with_its_claim(driver: Provisioner, tmp_path: Path) -> None:
    api: Any = driver.client
    account: Any = driver.account
    path = "/api/v1/persistentvolumes/pvc-7"
    driver.claim(claim())
    assert account.volumes == {}
    driver.claim(claim(node="node"))
    driver.claim(claim(node="node"))
    assert account.volumes == {"vol-1": 10}
    assert (tmp_path / "vol-1").stat().st_mode & 0o777 == 0o777
    driver.claim(claim(size="20Gi", had="10Gi", volume="pvc-7"))
    assert account.volumes == {"vol-1": 20}
    status = "/api/v1/namespaces/mlflow/persistentvolumeclaims/data/status"
    assert api.objects[status] == {"status": {"capacity": {"storage": "20Gi"}}}
    made = persistent_volume_of("Released")
    driver.volume(made | {"status": {"phase": "Bound"}})
    assert account.volumes
    driver.volume(made)
    assert account.volumes == {}
    assert list(tmp_path.iterdir()) == []
    assert path not in api.objects


def persistent_volume_of(phase: str, policy: str = "Delete") -> dict[str, Any]:
    requested = missing(claim())
    assert requested
    return persistent_volume(requested, "vol-1", "node", CLASS | {"reclaimPolicy": policy}) | {
        "status": {"phase": phase}
    }


def test_a_volume_is_a_folder_of_its_node_and_stays_where_its_class_says_so() -> None:
    made = persistent_volume_of("Released", "Retain")
    assert number_of(made) == "vol-1"
    assert not released(made)
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["node"]


def test_the_driver_ends_once_no_volume_is_left_whose_claim_is_gone(driver: Provisioner) -> None:
    api: Any = driver.client
    ended: list[bool] = []
    driver.end = lambda: ended.append(True)
    api.objects["/api/v1/persistentvolumeclaims"] = {"items": []}
    left = iter([[persistent_volume_of("Bound")], [persistent_volume_of("Bound", "Retain")]])
    plain = api.get

    def get(path: str) -> Any:
        return {"items": next(left)} if path == "/api/v1/persistentvolumes" else plain(path)

    api.get = get
    driver.finish()
    assert ended
    assert next(left, None) is None


def test_a_volume_has_the_tags_by_which_it_is_found() -> None:
    requested = missing(claim())
    assert requested
    found = tags(requested, "groundwork-dev")
    assert found["kubernetes.io/created-for/pvc/name"] == "data"
    assert found["kubernetes.io/created-for/pvc/namespace"] == "mlflow"
    assert found["ebs.csi.aws.com/cluster"] == "true"
    assert extra_tags(json.dumps({"controller": {"extraVolumeTags": {"owner": "a"}}})) == {"owner": "a"}
    assert extra_tags(None) == {}

"""The add-on aws-ebs-csi-driver: volumes of claims, as records of the account and folders of the cluster's node.

Who calls itself ebs.csi.aws.com is a loop of this process that follows a cluster's claims and volumes. What these ask
for is found by pure functions.
"""

import json
import math
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from embedded.cluster.api import ApiError, Client, Json
from embedded.cluster.layout import VOLUMES

from .follow import Follower

DRIVER = "ebs.csi.aws.com"
CLAIMS, PERSISTENT = "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""Annotation of a claim: who is to make its volume."""
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Annotation of a claim: the node of the pod that waits for it."""
MADE_BY = "pv.kubernetes.io/provisioned-by"
FINISH_SECONDS = 30.0
PAUSE = 0.2
EVERYBODY = 0o777
"""Of a volume's folder: the kubelet gives a folder of the node to no group, as it does a volume."""
UNITS = {
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P"), start=1)},
}
GIBIBYTE = 1024**3


class Account(Protocol):
    """What is asked of EC2."""

    def create(self, size: int, parameters: Mapping[str, str], tags: Mapping[str, str]) -> str:
        """Return the id of a new volume, or of that which was made with the same name before. size: GiB."""
        ...

    def resize(self, volume: str, size: int) -> None: ...

    def delete(self, volume: str) -> None:
        """One that is gone already is no error."""
        ...


@dataclass(frozen=True, kw_only=True)
class Requested:
    """A volume that a claim waits for."""

    name: str
    """Of the PersistentVolume."""
    size: int
    """GiB."""
    claim: Json


class Provisioner:
    """Of one cluster. `folder`: where the node's volumes are on this machine. `tags`: of each volume, beside those that
    the driver gives."""

    def __init__(
        self, client: Client, folder: Path, *, node: str, cluster: str, account: Account, tags: Mapping[str, str]
    ) -> None:
        self.client, self.folder, self.node, self.cluster = client, folder, node, cluster
        self.account, self.tags = account, tags

    def start(self) -> None:
        name = f"{DRIVER} in {self.cluster}"
        handled = ((CLAIMS, self.claim), (PERSISTENT, self.volume))
        self._followers = [Follower(self.client, path, handle, name=name) for path, handle in handled]

    def finish(self) -> None:
        """End once the volumes are deleted whose claims are gone: the driver's own pods take as long to end."""
        deadline = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < deadline:
            claims = {claim["metadata"]["uid"] for claim in self.client.get(CLAIMS)["items"]}
            if not any(abandoned(volume, claims) for volume in self.client.get(PERSISTENT)["items"]):
                break
            time.sleep(PAUSE)
        self.end()

    def end(self) -> None:
        for follower in self._followers:
            follower.end()

    def claim(self, claim: Json) -> None:
        """Make the volume that a claim waits for, or let the one that it has grow."""
        if requested := missing(claim):
            self._make(requested)
        elif (size := grown(claim)) is not None:
            self._grow(claim, size)

    def _make(self, requested: Requested) -> None:
        kind = self.client.get(f"{CLASSES}/{requested.claim['spec']['storageClassName']}")
        if kind["volumeBindingMode"] == "WaitForFirstConsumer" and SELECTED_NODE not in annotations(requested.claim):
            return
        if self._there(f"{PERSISTENT}/{requested.name}"):
            return
        number = self.account.create(
            requested.size, kind.get("parameters") or {}, {**tags(requested, self.cluster), **self.tags}
        )
        (self.folder / number).mkdir(exist_ok=True)
        (self.folder / number).chmod(EVERYBODY)
        self.client.apply(f"{PERSISTENT}/{requested.name}", persistent_volume(requested, number, self.node, kind))

    def _there(self, path: str) -> bool:
        try:
            self.client.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _grow(self, claim: Json, size: int) -> None:
        name: str = claim["spec"]["volumeName"]
        volume = self.client.get(f"{PERSISTENT}/{name}")
        if volume["metadata"].get("annotations", {}).get(MADE_BY) != DRIVER:
            return
        self.account.resize(number_of(volume), size)
        capacity = {"capacity": {"storage": f"{size}Gi"}}
        self.client.patch(f"{PERSISTENT}/{name}", {"spec": capacity})
        metadata = claim["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}/status"
        self.client.patch(path, {"status": capacity})

    def volume(self, volume: Json) -> None:
        """Delete a volume whose claim is gone, where its class says so."""
        if not released(volume):
            return
        self.account.delete(number_of(volume))
        shutil.rmtree(self.folder / number_of(volume), ignore_errors=True)
        try:
            self.client.delete(f"{PERSISTENT}/{volume['metadata']['name']}")
        except ApiError as error:
            if error.status != 404:
                raise


def annotations(item: Json) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def missing(claim: Json) -> Requested | None:
    """Return what a claim waits for from this driver; None where it waits for nothing. Pure."""
    if claim["spec"].get("volumeName") or annotations(claim).get(PROVISIONER) != DRIVER:
        return None
    return Requested(name=f"pvc-{claim['metadata']['uid']}", size=_asked(claim), claim=claim)


def grown(claim: Json) -> int | None:
    """Return the size, GiB, that a bound claim asks for and does not have yet; None where it has it. Pure."""
    had = claim.get("status", {}).get("capacity", {}).get("storage")
    if annotations(claim).get(PROVISIONER) != DRIVER or had is None or _asked(claim) <= gibibytes(had):
        return None
    return _asked(claim)


def released(volume: Json) -> bool:
    """Whether a volume is to be deleted. Pure."""
    return (
        annotations(volume).get(MADE_BY) == DRIVER
        and volume["status"].get("phase") == "Released"
        and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        and not volume["metadata"].get("deletionTimestamp")
    )


def abandoned(volume: Json, claims: Collection[str]) -> bool:
    """Whether a volume is to be deleted, or about to be. claims: the uids of those that are there. Pure."""
    spec = volume["spec"]
    deleted = spec["persistentVolumeReclaimPolicy"] == "Delete" and annotations(volume).get(MADE_BY) == DRIVER
    return deleted and spec["claimRef"]["uid"] not in claims


def number_of(volume: Json) -> str:
    """Return the id by which EC2 knows a volume. Pure."""
    return Path(volume["spec"]["hostPath"]["path"]).name


def tags(requested: Requested, cluster: str) -> dict[str, str]:
    """Return those that the driver gives a volume: https://github.com/kubernetes-sigs/aws-ebs-csi-driver, tagging.md,
    with EKS's cluster name. Pure."""
    return {
        "CSIVolumeName": requested.name,
        "kubernetes.io/created-for/pv/name": requested.name,
        "kubernetes.io/created-for/pvc/name": requested.claim["metadata"]["name"],
        "kubernetes.io/created-for/pvc/namespace": requested.claim["metadata"]["namespace"],
        f"{DRIVER}/cluster": "true",
        f"kubernetes.io/cluster/{cluster}": "owned",
        "KubernetesCluster": cluster,
        "Name": f"{cluster}-dynamic-{requested.name}",
    }


def extra_tags(configuration: str | None) -> dict[str, str]:
    """Return the tags of all volumes that an add-on's configuration names. Pure."""
    found: dict[str, Any] = json.loads(configuration or "{}")
    return found.get("controller", {}).get("extraVolumeTags", {})


def persistent_volume(requested: Requested, number: str, node: str, kind: Json) -> Json:
    """Return the object of a volume: a folder of one node, to which its pods go. Pure."""
    metadata = requested.claim["metadata"]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": requested.name, "annotations": {MADE_BY: DRIVER}},
        "spec": {
            "capacity": {"storage": f"{requested.size}Gi"},
            "accessModes": requested.claim["spec"]["accessModes"],
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{name: metadata[name] for name in ("name", "namespace", "uid")},
            },
            "hostPath": {"path": str(VOLUMES / number), "type": "Directory"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            "persistentVolumeReclaimPolicy": kind.get("reclaimPolicy", "Delete"),
            "storageClassName": kind["metadata"]["name"],
        },
    }


def gibibytes(quantity: str) -> int:
    """Return a quantity of Kubernetes, such as 1500Mi, in GiB, rounded up. Pure."""
    unit = quantity.lstrip("0123456789.")
    return math.ceil(Decimal(quantity.removesuffix(unit)) * UNITS.get(unit, 1) / GIBIBYTE)


def _asked(claim: Json) -> int:
    return gibibytes(claim["spec"]["resources"]["requests"]["storage"])

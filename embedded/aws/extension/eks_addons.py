"""EKS: the add-ons that are more than a record where a cluster has a control plane: name servers, and volumes."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import InvalidVolumeIdError
from moto.ec2.models import ec2_backends

from embedded.aws import name_servers
from embedded.aws.clusters import Clusters
from embedded.aws.images import Images
from embedded.aws.volumes import Provisioner, extra_tags
from embedded.cluster.api import ApiError, Client

from . import eks_planes
from .eks_common import Fields

NAME_SERVERS, VOLUMES = "coredns", "aws-ebs-csi-driver"
REPOSITORY = "eks/coredns"
"""Of the image, as AWS calls it."""
READY_SECONDS = 300
"""What name servers get to run, on a slow machine."""
PAUSE = 0.5

_images: list[Images] = []
"""At most one: those of this process's account."""
_provisioners: dict[str, Provisioner] = {}
"""By the cluster's ARN."""


def use(images: Images) -> None:
    """Have add-ons run in the clusters that are made from now on. Once in a process."""
    _images.append(images)


def begin(backend: Any, cluster: Any, addon: Fields) -> None:
    """Make it run, or run as it says now. It is ACTIVE once it does."""
    clusters = eks_planes.clusters_of(cluster)
    if clusters is None or not _images:
        return
    if addon["addonName"] == VOLUMES:
        _provision(backend, cluster, clusters, extra_tags(addon.get("configurationValues")))
    elif addon["addonName"] == NAME_SERVERS:
        addon["status"] = "CREATING"
        threading.Thread(target=_serve_names, args=(cluster, clusters, addon), daemon=True).start()


def end(cluster: Any, name: str) -> None:
    """End what runs of an add-on. Volumes stay, as do their claims."""
    if name == VOLUMES and (provisioner := _provisioners.pop(cluster.arn, None)):
        provisioner.finish()
    clusters = eks_planes.clusters_of(cluster)
    if name == NAME_SERVERS and clusters:
        client = clusters.client(cluster.arn)
        for path, _ in reversed(list(name_servers.objects(clusters.of(cluster.arn).spec, ""))):
            _delete(client, path)


def end_all(cluster: Any) -> None:
    """End what this process does for a cluster that goes."""
    if provisioner := _provisioners.pop(cluster.arn, None):
        provisioner.end()


def _serve_names(cluster: Any, clusters: Clusters, addon: Fields) -> None:
    try:
        digest = _images[0].put(clusters.machine.tools / "coredns", REPOSITORY)
        own, client = clusters.of(cluster.arn), clusters.client(cluster.arn)
        for path, document in name_servers.objects(own.spec, f"{own.registry}/{REPOSITORY}@{digest}"):
            client.apply(path, document)
        _wait(client)
    except Exception as error:  # whatever it is, whoever waits for the add-on is given the reason
        addon["health"] = {"issues": [{"code": "InternalFailure", "message": str(error), "resourceIds": []}]}
        addon["status"] = "CREATE_FAILED"
    else:
        addon["health"] = {"issues": []}
        addon["status"] = "ACTIVE"


def _wait(client: Client) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        found = client.get(name_servers.DEPLOYMENT)
        status = found.get("status", {})
        current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        if current and status.get("updatedReplicas", 0) <= status.get("readyReplicas", 0) > 0:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {READY_SECONDS} s no pod of {name_servers.NAME} is ready")
        time.sleep(PAUSE)


def _provision(backend: Any, cluster: Any, clusters: Clusters, tags: Mapping[str, str]) -> None:
    if known := _provisioners.get(cluster.arn):
        known.tags = tags
        return
    own = clusters.of(cluster.arn)
    account = Volumes(ec2_backends[backend.account_id][backend.region_name], cluster)
    made = Provisioner(
        clusters.client(cluster.arn),
        own.layout.data / "volumes",
        node=own.name,
        cluster=cluster.name,
        account=account,
        tags=tags,
    )
    _provisioners[cluster.arn] = made
    made.start()


class Volumes:
    """Those of EC2, in the first zone of a cluster: it has one node that is real."""

    def __init__(self, backend: Any, cluster: Any) -> None:
        self.backend, self.cluster = backend, cluster

    def create(self, size: int, parameters: Mapping[str, str], tags: Mapping[str, str]) -> str:
        for volume in self.backend.describe_volumes(filters={"tag:CSIVolumeName": [tags["CSIVolumeName"]]}):
            return volume.id
        subnet = self.backend.get_subnet(self.cluster.resources_vpc_config["subnetIds"][0])
        made = self.backend.create_volume(
            size,
            subnet.availability_zone,
            encrypted=parameters.get("encrypted") == "true",
            volume_type=parameters.get("type", "gp3"),
        )
        made.add_tags(dict(tags))
        return made.id

    def resize(self, volume: str, size: int) -> None:
        self.backend.modify_volume(volume, target_size=size)

    def delete(self, volume: str) -> None:
        try:
            self.backend.delete_volume(volume)
        except InvalidVolumeIdError:
            return


def _delete(client: Client, path: str) -> None:
    try:
        client.delete(path)
    except ApiError as error:
        if error.status != 404:
            raise

"""How pods get into the object store: the same for every service and workload."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import VolumeArgs, VolumeMountArgs

from .contracts import ObjectStore
from .pods import mount, secret_volume

CREDENTIALS = "/var/run/groundwork/s3"
"""Where the keys of a consumer that has some are mounted."""
Mounted = tuple[VolumeArgs, VolumeMountArgs]
"""A volume, and where it is in the container."""


@dataclass(frozen=True, kw_only=True)
class StoreAccess:
    """What a pod has in order to be let in."""

    variables: Mapping[str, str]
    files: tuple[Mounted, ...]

    @property
    def volumes(self) -> list[VolumeArgs]:
        return [volume for volume, _ in self.files]

    @property
    def mounts(self) -> list[VolumeMountArgs]:
        return [mounted for _, mounted in self.files]


def store_access(store: ObjectStore, consumer: str) -> StoreAccess:
    """Return access by the consumer's keys, as a file. Where it has none, the pod's service account is its identity,
    which clients of S3 find by themselves."""
    secret = store.credentials.get(consumer)
    if secret is None:
        return StoreAccess(variables={}, files=())
    return StoreAccess(
        variables={"AWS_SHARED_CREDENTIALS_FILE": f"{CREDENTIALS}/credentials"},
        files=((secret_volume("s3", secret), mount("s3", CREDENTIALS)),),
    )

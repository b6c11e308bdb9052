"""How pods get into the object store and the database: the same for every service and workload."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import VolumeArgs, VolumeMountArgs

from .contracts import Database, ObjectStore, Tracking
from .pods import mount, secret_volume

CREDENTIALS = "/var/run/groundwork/s3"
"""Where the keys of a consumer that has some are mounted."""
DATABASE = "/var/run/groundwork/database"
"""Where the credentials of a consumer's database are mounted."""
TRACKING_LOGIN = "/tmp/.mlflow"
"""Where MLflow's clients look for the file `credentials`: below the home of every image."""
PUBLIC_CAS = "/etc/ssl/certs/ca-certificates.crt"
"""Of Debian, and so of every image."""
PLAIN_CHECKSUMS = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}
"""Of stores that are not AWS's: many of them refuse an upload with the checksums that its clients would add."""
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
    ca = {} if store.ca is None else {"AWS_CA_BUNDLE": f"{CREDENTIALS}/{store.ca}"}
    plain = {} if store.endpoint is None else PLAIN_CHECKSUMS
    return StoreAccess(
        variables={"AWS_SHARED_CREDENTIALS_FILE": f"{CREDENTIALS}/credentials", **ca, **plain},
        files=((secret_volume("s3", secret), mount("s3", CREDENTIALS)),),
    )


def tracking_access(tracking: Tracking, consumer: str) -> Mounted:
    """Return the login of a client of MLflow, as a file."""
    return secret_volume("mlflow", tracking.credentials[consumer]), mount("mlflow", TRACKING_LOGIN)


def database_variables(database: Database) -> dict[str, str]:
    """Return what makes every client of the database verify the server. Both libpq and asyncpg read these, while the
    options in an address differ between them, and SQLAlchemy hands them on as they are."""
    if not database.tls:
        return {}
    authorities = PUBLIC_CAS if database.ca is None else f"{DATABASE}/{database.ca}"
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": authorities}

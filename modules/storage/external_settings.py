"""Settings of an object store that somebody else runs."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from modules.core.contracts import ROLES
from modules.core.external import ExternalSettings, require_reachable
from modules.core.settings import Settings

Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
PORTS = {"https": 443, "http": 80}


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in PORTS or not parts.hostname or parts.path or parts.query or parts.username:
        raise ValueError("expected https://host[:port], or http:// where the network is trusted, without a path")
    require_reachable(parts.hostname)
    return text


class BucketNames(Settings):
    """The buckets that are used, by role: there already, and never deleted. One may serve several roles, or several
    environments: every key begins with ENVIRONMENT/ROLE/."""

    raw: Bucket = Field(description="Bucket of data as it came, 3 to 63 characters: it is there, and stays.")
    features: Bucket = Field(description="Bucket of what is computed from raw data; another role's may be it too.")
    artifacts: Bucket = Field(description="Bucket of models and the other files of runs; another role's may be it too.")
    logs: Bucket = Field(description="Bucket of the logs of tasks; another role's may be it too.")

    def by_role(self) -> dict[str, str]:
        return {role: getattr(self, role) for role in ROLES}


class ExternalStoreSettings(ExternalSettings):
    """An S3 API that somebody else runs."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        description="https://host[:port] of the S3 API, which is asked for buckets by path. null: AWS's own.",
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the buckets, which signatures name."
    )
    buckets: BucketNames = Field(description="The buckets that are used, by role.")
    access_key_id: str = Field(
        min_length=1,
        description="Access key of all consumers; its secret is set by `pulumi config set --secret "
        "groundwork:storage_secret_key`.",
    )

    @property
    def address(self) -> str:
        """URL of the S3 API."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"

    @property
    def scheme(self) -> str:
        return urlsplit(self.address).scheme

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or PORTS[self.scheme]


def prefixes(environment: str) -> dict[str, str]:
    """What an environment's keys begin with, by role: a bucket that is not the platform's alone has others'."""
    return {role: f"{environment}/{role}/" for role in ROLES}

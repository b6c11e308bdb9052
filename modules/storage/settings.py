"""Settings of the object store."""

from typing import Self

from pydantic import Field, model_validator

from modules.core.quantities import Size
from modules.core.settings import Port, Resources, Settings, resources


class BucketSettings(Settings):
    """How one bucket keeps its objects."""

    versioning: bool = Field(default=True, description="Keeps what an object was before it was overwritten or deleted.")
    expiration_days: int | None = Field(
        default=None, ge=1, le=36500, description="Days after which an object is deleted; without it, never."
    )
    noncurrent_expiration_days: int | None = Field(
        default=None, ge=1, le=36500, description="Days after which a noncurrent version is deleted; without it, never."
    )
    abort_incomplete_upload_days: int = Field(
        default=7, ge=1, le=365, description="Days after which the parts of an upload that never ended are deleted."
    )

    @model_validator(mode="after")
    def _versions_exist_before_they_expire(self) -> Self:
        if self.noncurrent_expiration_days is not None and not self.versioning:
            raise ValueError(
                f"noncurrent_expiration_days is {self.noncurrent_expiration_days} where versioning is false: "
                "there are no noncurrent versions; remove it or set versioning"
            )
        return self


class BucketsSettings(Settings):
    """The platform's buckets, by role."""

    raw: BucketSettings = Field(
        default=BucketSettings(noncurrent_expiration_days=365), description="Data as it came; training reads it."
    )
    features: BucketSettings = Field(
        default=BucketSettings(noncurrent_expiration_days=90), description="What is computed from raw data."
    )
    artifacts: BucketSettings = Field(
        default=BucketSettings(noncurrent_expiration_days=30), description="Models and the other files of runs."
    )
    logs: BucketSettings = Field(
        default=BucketSettings(versioning=False, expiration_days=30), description="Logs of tasks."
    )


class StorageSettings(Settings):
    """The object store."""

    buckets: BucketsSettings = Field(default=BucketsSettings(), description="The buckets, by role.")
    volume: Size = Field(
        default="10Gi",
        description="Size of the volume of all objects; grows where the storage class lets it, never shrinks.",
    )
    local_port: Port | None = Field(
        default=8333, description="Port on 127.0.0.1 of the S3 API, 1024 to 65535; null: not published."
    )
    resources: Resources = Field(
        default=resources(cpu=("100m", "2"), memory=("256Mi", "768Mi")), description="Of the server."
    )

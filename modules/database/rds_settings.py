"""Settings of a PostgreSQL of Amazon RDS."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modules.core.quantities import Size, size_bytes
from modules.core.settings import Settings, advice

from .rds_classes import CLASSES

LEAST_GIB, MOST_GIB = 20, 65536
"""Of a gp3 volume of RDS for PostgreSQL: CreateDBInstance."""
LARGER = 1.1
"""How much more than the first size the largest one must be: RDS grows by a tenth at least."""


def _volume(text: str) -> str:
    if not LEAST_GIB <= gib(text) <= MOST_GIB or size_bytes(text) % 2**30:
        raise ValueError(f"RDS takes whole GiB, {LEAST_GIB}Gi to {MOST_GIB // 1024}Ti")
    return text


def gib(text: str) -> int:
    """Return a size in GiB, rounded down."""
    return size_bytes(text) // 2**30


def _class(text: str) -> str:
    family, _, size = text.removeprefix("db.").partition(".")
    if text.startswith("db.") and size in CLASSES.get(family, ()):
        return text
    if text.startswith("db.") and family in CLASSES:
        raise ValueError(advice(text, [f"db.{family}.{each}" for each in CLASSES[family]]))
    raise ValueError(f"{advice(family, [*CLASSES])}, each as db.FAMILY.SIZE, such as db.m7g.large")


Volume = Annotated[Size, AfterValidator(_volume)]


class RdsSettings(Settings):
    """A PostgreSQL of Amazon RDS."""

    version: Literal["15", "16", "17"] = Field(
        default="17", description="Major version of PostgreSQL: it can be raised, never lowered. Minor ones come alone."
    )
    instance_class: Annotated[str, AfterValidator(_class)] = Field(
        default="db.t4g.medium", description="Class of the server, such as db.t4g.medium or db.m7g.large."
    )
    volume: Volume = Field(
        default="20Gi", description="Size of the volume of all databases at first, 20Gi to 64Ti; it never shrinks."
    )
    largest_volume: Volume = Field(
        default="100Gi",
        description="Size to which RDS lets the volume grow by itself: a tenth more than volume at least.",
    )
    ca: str = Field(
        min_length=1,
        description="PEM file, below the repository or by its whole path, of the authorities that RDS's certificates "
        "are of: https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem.",
    )

    @model_validator(mode="after")
    def _volume_can_grow(self) -> Self:
        if gib(self.largest_volume) < LARGER * gib(self.volume):
            raise ValueError(
                f"largest_volume {self.largest_volume} is less than a tenth more than volume {self.volume}: raise it"
            )
        return self

"""Settings of a PostgreSQL of Amazon RDS."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modules.core.quantities import Size, size_bytes
from modules.core.settings import Settings, advice

LEAST_GIB, MOST_GIB = 20, 65536
"""Of a gp3 volume of RDS for PostgreSQL: CreateDBInstance."""
LARGER = 1.1
"""How much more than the first size the largest one must be: RDS grows by a tenth at least."""


FAMILIES = (
    *("t3", "t4g", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m6idn", "m6in", "m7g", "m7i", "m8a", "m8g", "m8gd"),
    *("m9g", "r5", "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r6idn", "r6in", "r7g", "r7i", "r8a", "r8g", "r8gd"),
    *("c6gd", "x2g", "x2iedn"),
)
"""Of classes that RDS has for PostgreSQL 15 to 17, by AWS's prices of Oct 2026 (cfn-lint 1.58: db_instance_class)."""
SIZES = ("medium", "large", "xlarge", *(f"{each}xlarge" for each in (2, 4, 8, 12, 16, 24, 32, 48)))
SMALL_SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge")
"""Of those whose names begin with t."""


def _class(text: str) -> str:
    _, family, size = text.split(".")
    if family not in FAMILIES:
        raise ValueError(f"{family!r}: {advice(family, list(FAMILIES))}")
    sizes = SMALL_SIZES if family.startswith("t") else SIZES
    if size not in sizes:
        raise ValueError(f"{size!r}: {advice(size, list(sizes))}")
    return text


def _volume(text: str) -> str:
    if not LEAST_GIB <= gib(text) <= MOST_GIB or size_bytes(text) % 2**30:
        raise ValueError(f"RDS takes whole GiB, {LEAST_GIB}Gi to {MOST_GIB // 1024}Ti")
    return text


def gib(text: str) -> int:
    """Return a size in GiB, rounded down."""
    return size_bytes(text) // 2**30


Volume = Annotated[Size, AfterValidator(_volume)]


class RdsSettings(Settings):
    """A PostgreSQL of Amazon RDS."""

    version: Literal["15", "16", "17"] = Field(
        default="17", description="Major version of PostgreSQL: it can be raised, never lowered. Minor ones come alone."
    )
    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z][a-z0-9]*\.[a-z0-9]+$"), AfterValidator(_class)] = Field(
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

"""Settings of the lake on AWS."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from modules.core.quantities import Size, size_bytes
from modules.core.settings import Principal, Settings

LEAST_SCAN = 10 * 2**20
"""Bytes: AWS's provider takes no lower limit of a query."""
MOST_SCAN = 7_000_000_000_000_000_000
"""Bytes: Athena takes no higher one."""


def _scan(text: str) -> str:
    if not LEAST_SCAN <= size_bytes(text) <= MOST_SCAN:
        raise ValueError("Athena takes limits of 10Mi and more, up to 7 exabytes")
    return text


class LakeSettings(Settings):
    """The catalog of the lake's tables, who reads it, and how much a query may read."""

    administrators: list[Principal] = Field(
        description="ARNs of the roles or users in IAM that administer Lake Formation in the region, who deploys among "
        "them, in place of those that the account has. []: the account's own stay, and whoever deploys is one of "
        "them.",
    )
    readers: list[
        Annotated[str, StringConstraints(pattern=r"^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,256}$")]
    ] = Field(
        default=[],
        description="ARNs of the roles in IAM by which people query the tables of the layers curated and features: "
        "Lake Formation lets them read these, and nothing of raw.",
    )
    scan_limit: Annotated[Size, AfterValidator(_scan)] = Field(
        default="100Gi", description="Bytes that one query of Athena may read before it is cancelled, 10Mi or more."
    )
    crawl_hour: int | None = Field(
        default=None,
        ge=0,
        le=23,
        description="Hour of the day (UTC), 0 to 23, at which the crawler looks for new files of workloads; null: when "
        "somebody starts it.",
    )

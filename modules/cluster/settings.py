"""Settings of namespaces."""

from typing import Self

from pydantic import Field, model_validator

from modules.core.quantities import millicores, size_bytes
from modules.core.settings import ResourceAmounts, Settings, resources


class QuotaSettings(Settings):
    """What each namespace may take of the cluster: room for the whole platform, and an end to what gets out of hand."""

    pods: int = Field(default=100, ge=1, le=10_000, description="Pods at once, 1 to 10000.")
    requests: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="16", memory="16Gi"), description="Of all its containers together."
    )
    limits: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="64", memory="32Gi"), description="Of all its containers together."
    )
    largest: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="16", memory="16Gi"), description="Limits of one container at most."
    )

    @model_validator(mode="after")
    def _largest_fits(self) -> Self:
        for what, figure in (("cpu", millicores), ("memory", size_bytes)):
            most, all_together = getattr(self.largest, what), getattr(self.limits, what)
            if figure(most) > figure(all_together):
                raise ValueError(f"largest.{what} {most} is more than limits.{what} {all_together}: change one of them")
        return self


UNNAMED = resources(cpu=("50m", "500m"), memory=("64Mi", "512Mi"))
"""Of a container that names no figures: it gets these."""

"""Settings of Jenkins."""

from typing import Self

from pydantic import Field, model_validator

from modules.core.quantities import Size
from modules.core.settings import Resources, Settings, require_memory, resources

MINIMUM_MEMORY = "1Gi"
"""The controller's heap is half of its limit; with less than 512 MiB it does not load its plugins."""


class JenkinsSettings(Settings):
    """Jenkins' controller, its agents, and where its pipelines come from."""

    enabled: bool = Field(default=True, description="Whether the platform has a Jenkins.")
    repository: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$",
        description="GitHub repository (owner/name) whose pipelines it runs; null: it has no jobs.",
    )
    volume: Size = Field(
        default="8Gi",
        description="Size of its home, which outlives its pod; grows where the storage class lets it, never shrinks.",
    )
    agents: int = Field(default=4, ge=1, le=50, description="Agent pods that run at once, 1 to 50.")
    agent: Resources = Field(
        default=resources(cpu=("250m", "2"), memory=("1Gi", "3Gi")),
        description="Of the container in each agent pod that runs the pipelines' steps.",
    )
    resources: Resources = Field(
        default=resources(cpu=("250m", "2"), memory=("1Gi", "2Gi")), description="Of the controller."
    )

    @model_validator(mode="after")
    def _check_minimum_memory(self) -> Self:
        require_memory("resources", self.resources, MINIMUM_MEMORY, "the controller")
        return self

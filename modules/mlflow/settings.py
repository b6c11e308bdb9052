"""Settings of the tracking server."""

from typing import Self

from pydantic import Field, model_validator

from modules.core.quantities import size_bytes
from modules.core.settings import Port, Resources, Settings, resources

MINIMUM_MEMORY = "768Mi"
"""One worker of MLflow 3.17 takes about half of it before the first request."""


class MlflowSettings(Settings):
    """MLflow's tracking server and model registry."""

    local_port: Port | None = Field(
        default=None,
        description="Port on 127.0.0.1 that bypasses the gateway and its login, 1024 to 65535; null: there is none.",
    )
    resources: Resources = Field(
        default=resources(cpu=("100m", "2"), memory=("768Mi", "1536Mi")), description="Of the server."
    )

    @model_validator(mode="after")
    def _check_minimum_memory(self) -> Self:
        if size_bytes(self.resources.limits.memory) < size_bytes(MINIMUM_MEMORY):
            raise ValueError(
                f"resources.limits.memory {self.resources.limits.memory} is less than {MINIMUM_MEMORY}: "
                "the server would be OOM-killed at startup; raise it"
            )
        return self

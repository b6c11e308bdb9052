"""Settings of the tracking server."""

from typing import Self

from pydantic import Field, model_validator

from modules.core.settings import Port, Resources, Settings, require_memory, resources

MINIMUM_MEMORY = "768Mi"
"""One worker of MLflow 3.17 takes about half of it before the first request."""


class MlflowSettings(Settings):
    """MLflow's tracking server and model registry."""

    local_port: Port | None = Field(
        default=None,
        description="Port on 127.0.0.1 that bypasses the gateway, 1024 to 65535; MLflow asks for its login there "
        "too; null: there is none.",
    )
    resources: Resources = Field(
        default=resources(cpu=("100m", "2"), memory=("768Mi", "1536Mi")), description="Of the server."
    )

    @model_validator(mode="after")
    def _check_minimum_memory(self) -> Self:
        require_memory("resources", self.resources, MINIMUM_MEMORY, "the server")
        return self

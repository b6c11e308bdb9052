"""Settings of Airflow."""

from typing import Literal, Self

from pydantic import Field, model_validator

from modules.core.settings import Port, Resources, Settings, require_memory, resources

MINIMUM_MEMORY = "320Mi"
"""A part of Airflow 3.3 takes 200 to 260 MiB before it does anything."""


class PartsSettings(Settings):
    """The processes of Airflow, each a pod of its own."""

    api_server: Resources = Field(
        default=resources(cpu=("50m", "1"), memory=("384Mi", "768Mi")), description="Of the web pages and API."
    )
    scheduler: Resources = Field(
        default=resources(cpu=("100m", "2"), memory=("512Mi", "1536Mi")),
        description="Of the scheduler; with the LocalExecutor it runs the tasks too, each in some 150Mi.",
    )
    dag_processor: Resources = Field(
        default=resources(cpu=("50m", "1"), memory=("320Mi", "640Mi")), description="Of what reads the DAGs."
    )
    triggerer: Resources = Field(
        default=resources(cpu=("20m", "1"), memory=("256Mi", "512Mi")), description="Of what waits for deferred tasks."
    )
    worker: Resources = Field(
        default=resources(cpu=("50m", "1"), memory=("320Mi", "512Mi")),
        description="Of the pod of each task with the KubernetesExecutor.",
    )


class AirflowSettings(Settings):
    """Orchestration."""

    executor: Literal["LocalExecutor", "KubernetesExecutor"] = Field(
        default="KubernetesExecutor",
        description="KubernetesExecutor: the code of a task runs in a pod of its own, without any key of Airflow's; "
        "LocalExecutor: in a process beside the scheduler, which takes less memory, and whose keys it can read.",
    )
    parallelism: int = Field(default=4, ge=1, le=64, description="Tasks at once, 1 to 64.")
    local_port: Port | None = Field(
        default=None,
        description="Port on 127.0.0.1 that bypasses the gateway, 1024 to 65535; null: there is none.",
    )
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+(/[^\s]*)?$",
        description="Address under which people open it, where that is neither the gateway's nor the local port's.",
    )
    parts: PartsSettings = Field(default=PartsSettings(), description="Its processes.")

    @model_validator(mode="after")
    def _check_minimum_memory(self) -> Self:
        for part in PartsSettings.model_fields:
            require_memory(f"parts.{part}", getattr(self.parts, part), MINIMUM_MEMORY, "it")
        return self

    @property
    def address(self) -> str | None:
        """Where people open it; None where it is not published."""
        if self.base_url is None and self.local_port is not None:
            return f"http://127.0.0.1:{self.local_port}"
        return self.base_url

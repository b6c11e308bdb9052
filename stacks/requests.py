"""What the pods of a platform ask of its nodes, from the settings alone: before anything is declared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from modules.core.quantities import millicores, size_bytes
from modules.core.settings import Resources
from stacks.settings import PlatformSettings
from workloads.settings import WorkloadSettings

FOR_A_WHILE = frozenset({"agent", "training", "worker"})
"""Names of resources whose pods come and go."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """CPU and memory that are reserved for a container."""

    key: str
    """Of its resources, below groundwork."""
    millicores: int
    memory: int
    """Bytes."""
    lasting: bool = True
    """Whether its pod runs as long as the platform."""


def requests(settings: PlatformSettings) -> list[Request]:
    """Return what is asked for: of each container of what runs on and on, and of one of each kind that comes and
    goes."""
    found: list[Request] = []
    for name in type(settings).model_fields:
        group = getattr(settings, name)
        elsewhere = name in settings.foundation.external
        if isinstance(group, BaseModel) and getattr(group, "enabled", True) and not elsewhere:
            found += _below(group, name)
    for name, workload in settings.workloads.items():
        found += _of_workload(workload, f"workloads.{name}")
    return found


def lasting(found: Iterable[Request]) -> tuple[int, int]:
    """Return the thousandths of cores and the bytes of memory of what runs on and on."""
    kept = [each for each in found if each.lasting]
    return sum(each.millicores for each in kept), sum(each.memory for each in kept)


def _of_workload(workload: WorkloadSettings, key: str) -> Iterator[Request]:
    for each in _below(workload, key):
        yield from [each] * (workload.replicas if each.lasting else 1)


def _below(group: BaseModel, key: str) -> Iterator[Request]:
    for name in type(group).model_fields:
        value: Any = getattr(group, name)
        if isinstance(value, Resources):
            yield Request(
                key=f"{key}.{name}",
                millicores=millicores(value.requests.cpu),
                memory=size_bytes(value.requests.memory),
                lasting=name not in FOR_A_WHILE,
            )
        elif isinstance(value, BaseModel):
            yield from _below(value, f"{key}.{name}")

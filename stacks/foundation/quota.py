"""Whether what a stack's file asks for fits what a namespace may take, and whose each namespace is."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from modules.cluster.settings import QuotaSettings
from modules.core.quantities import millicores, size_bytes
from modules.core.settings import Resources
from modules.nodes.settings import TeamSettings
from workloads.documents import trainer

if TYPE_CHECKING:
    import pulumi


def check_largest(quota: QuotaSettings, groups: Mapping[str, object]) -> None:
    """Raise ValueError for a container that no namespace would take. groups: of settings, by their key."""
    for key, given in containers(groups):
        for what, figure in (("cpu", millicores), ("memory", size_bytes)):
            asked, most = getattr(given.limits, what), getattr(quota.largest, what)
            if figure(asked) > figure(most):
                raise ValueError(
                    f"{key}.limits.{what} is {asked}, but a container has {most} at most: lower it, or raise "
                    f"foundation.quota.largest.{what}"
                )


def of_teams(
    teams: Mapping[str, TeamSettings], namespaces: Mapping[str, "pulumi.Output[str]"]
) -> dict[str, list["pulumi.Output[str]"]]:
    """Return the namespaces of each team's workloads. namespaces: by consumer."""
    return {
        team: [namespaces[consumer] for name in given.workloads for consumer in (name, trainer(name))]
        for team, given in teams.items()
    }


def containers(groups: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Resources]]:
    """Yield the resources of every container in groups of settings, by their key path."""
    for name, value in groups.items():
        key = f"{prefix}{name}"
        if isinstance(value, Resources):
            yield key, value
        elif isinstance(value, BaseModel):
            yield from containers({field: getattr(value, field) for field in type(value).model_fields}, f"{key}.")

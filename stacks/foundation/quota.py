"""Whether what a stack's file asks for fits what a namespace may take."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from modules.cluster.settings import QuotaSettings
from modules.core.quantities import millicores, size_bytes
from modules.core.settings import Resources


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


def containers(groups: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Resources]]:
    """Yield the resources of every container in groups of settings, by their key path."""
    for name, value in groups.items():
        key = f"{prefix}{name}"
        if isinstance(value, Resources):
            yield key, value
        elif isinstance(value, BaseModel):
            yield from containers({field: getattr(value, field) for field in type(value).model_fields}, f"{key}.")

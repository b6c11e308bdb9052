"""Whether a stack's registry has the serving images that its releases pin: no build makes those of before again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modules.core.contracts import Registry
from modules.core.releases import Pin, Release
from modules.registry.access import RegistryAccess
from modules.registry.remote import Remote
from scripts.cli.clients import pins
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """An image that pods of a workload are to run in, and that the registry does not have."""

    detail: str
    action: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.action}"


def serving_images(releases: Mapping[str, Release]) -> list[tuple[str, str]]:
    """Return the serving images that releases run in, try, and can be rolled back to: repository and digest of each."""
    found = {
        (pin.serving_repository, pin.serving_image)
        for release in releases.values()
        for pin in (release, *([release.canary.pin] if release.canary else []), *release.history)
        if pin.serving_image
    }
    return sorted(found)


def find_lacking(environment: Environment, registry: Registry, access: RegistryAccess) -> list[Lacking]:
    """Return what the next deployment would run in an image that the registry lacks. What was pinned of a platform that
    is gone is not asked for: `up` sets it aside."""
    if not Backend(environment).resources():
        return []
    with Remote(registry, access) as remote:
        return [
            Lacking(
                detail=f"workload {workload}: release {pin.release} (version {pin.model_version}) runs in serving "
                f"image {pin.serving_image}, which registry {registry.push} has not",
                action=_copy(environment, registry) + command,
            )
            for workload, pin, command in _to_run(environment)
            if pin.serving_image and not remote.find({pin.serving_repository: pin.serving_image})
        ]


def _to_run(environment: Environment) -> Iterator[tuple[str, Pin, str]]:
    """Yield what the workloads are to run, and what puts something else in its place."""
    released = pins.released(environment)
    for workload in sorted(environment.settings.workloads.keys() & released.keys()):
        release, stack = released[workload], f"--stack {environment.stack}"
        again = f"`groundwork release {workload} --model-version {release.model_version} {stack}`"
        yield workload, release, f"{again} checks the model in today's serving image and serves it there"
        if release.canary:
            decide = f"`groundwork canary {workload} --once {stack}`"
            yield workload, release.canary.pin, f"{decide} restores what served where that canary does not run"


def _copy(environment: Environment, registry: Registry) -> str:
    """Return what may help first where a stack's registry can be another one than before."""
    if not environment.settings.existing:
        return ""
    command = f"groundwork images copy --stack {environment.stack} --to {registry.push} --from REGISTRY"
    return f"`{command}` brings it from the registry that has it; or "

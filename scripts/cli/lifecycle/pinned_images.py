"""Whether a stack's registry has the serving images that its releases pin: no build makes those of before again."""

from collections.abc import Mapping
from dataclasses import dataclass

from modules.core.contracts import Registry
from modules.core.releases import Release
from modules.registry.access import RegistryAccess
from modules.registry.remote import Remote
from scripts.cli.clients import pins
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment

IMAGE = "serving"
"""Its repository below the registry's address."""


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """An image that pods of a workload are to run in, and that the registry does not have."""

    detail: str
    action: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.action}"


def digests(releases: Mapping[str, Release]) -> list[str]:
    """Return the serving images that releases run in, try, and can be rolled back to."""
    found = {
        pin.serving_image
        for release in releases.values()
        for pin in (release, *([release.canary.pin] if release.canary else []), *release.history)
    }
    return sorted(found - {""})


def find_lacking(environment: Environment, registry: Registry, access: RegistryAccess) -> list[Lacking]:
    """Return what the next deployment would run in an image that the registry lacks. What was pinned of a platform that
    is gone is not asked for: `up` sets it aside."""
    if not Backend(environment).resources():
        return []
    released = pins.released(environment)
    found: list[Lacking] = []
    with Remote(registry, access) as remote:
        for workload in sorted(environment.settings.workloads.keys() & released.keys()):
            release = released[workload]
            tried = {"canary": release.canary.pin} if release.canary else {}
            for what, pin in {"release": release, **tried}.items():
                if pin.serving_image and not remote.find({IMAGE: pin.serving_image}):
                    found.append(_lacking(environment, registry, workload, what, release, pin.serving_image))
    return found


def _lacking(
    environment: Environment, registry: Registry, workload: str, what: str, release: Release, digest: str
) -> Lacking:
    """`what`: release, or canary. The commands work on the platform as it was deployed last."""
    stack = environment.stack
    pin = release.canary.pin if what == "canary" and release.canary else release
    copy = ""
    if environment.settings.existing:
        copy = f"bring it there (`groundwork images copy --stack {stack} --to {registry.push} --from REGISTRY`), or "
    decide = f"`groundwork canary {workload} --once --stack {stack}` restores what served"
    release_anew = (
        f"`groundwork release {workload} --model-version {release.model_version} --stack {stack}` checks the model in "
        "today's serving image and serves it there"
    )
    return Lacking(
        detail=f"workload {workload}: {what} {pin.release} (version {pin.model_version}) runs in serving image "
        f"{digest}, which registry {registry.push} has not",
        action=copy + (release_anew if what == "release" else decide),
    )

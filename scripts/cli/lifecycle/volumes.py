"""Sizes of volumes: what the settings ask for, beside what a platform was made with."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from modules.core.errors import UserError
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from stacks.services import EVERY
from stacks.settings import PlatformSettings

STATEFUL_SET = re.compile(r"groundwork:(?P<group>\w+):\w+\$kubernetes:apps/v1:StatefulSet::")
"""In a resource's URN; the module that declares one has its settings under its own name."""


def check(environment: Environment) -> None:
    """UserError where a volume that is there is asked to have another size: Kubernetes would refuse it in the end."""
    for group, size in made(Backend(environment).resources()).items():
        wanted = wanted_size(environment.settings, group)
        if wanted not in {None, size}:
            raise UserError(
                f"groundwork:{group}.volume is {wanted!r} in stacks/Pulumi.{environment.stack}.yaml, but the volume "
                f"was made with {size}, and a StatefulSet keeps the size of its volumes: set it back to {size}. "
                "Nothing is lost by that: a volume of this cluster is a folder on this machine, which grows as far as "
                "the disk does, whatever size it asked for. Another size holds for a platform that is made anew, after "
                f"`scripts/down {environment.stack}`, which deletes the data"
            )


def made(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Size of each StatefulSet's volume in a stack's state, by the group of settings that it comes from. Pure."""
    found: dict[str, str] = {}
    for resource in resources:
        if match := STATEFUL_SET.search(resource["urn"]):
            for claim in resource["inputs"]["spec"].get("volumeClaimTemplates", []):
                found[match["group"]] = claim["spec"]["resources"]["requests"]["storage"]
    return found


def wanted_size(settings: PlatformSettings, group: str) -> str | None:
    """None where the settings leave the service out, or it has no volume."""
    volumes = {each.name: getattr(settings.of(each), "volume", None) for each in EVERY if settings.has(each)}
    return volumes.get(group)

"""Volumes of a platform that is there, and what the settings ask for: their sizes, and whose files are in them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from modules.core.contracts import IMAGE_USER
from modules.core.errors import UserError
from modules.core.quantities import size_bytes
from scripts.cli.clients import kubectl
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from stacks.foundation.users import user_of
from stacks.services import EVERY
from stacks.settings import PlatformSettings

DECLARED = re.compile(
    r"groundwork:(?P<group>\w+):\w+\$kubernetes:(apps/v1:StatefulSet|core/v1:(?P<claim>PersistentVolumeClaim))::"
)
"""In a resource's URN; the module that declares one has its settings under its own name."""
HOST_PATH = "kubernetes.io/host-path"

Claim = Mapping[str, Any]
"""The spec of a PersistentVolumeClaim."""


def check(environment: Environment) -> None:
    """Raise UserError where a volume that is there is asked for a size that it can't get: a smaller one, or a larger
    one where its storage class doesn't let it grow; and where another user is to work with its files."""
    resources = Backend(environment).resources()
    _check_user(environment, resources)
    for group, claim in claims(resources).items():
        wanted, size = wanted_size(environment.settings, group), size_of(claim)
        if wanted is None or size_bytes(wanted) == size_bytes(size):
            continue
        asked = (
            f"groundwork:{group}.volume is {wanted!r} in stacks/Pulumi.{environment.stack}.yaml, "
            f"but the volume has {size}"
        )
        if size_bytes(wanted) < size_bytes(size):
            raise UserError(
                f"{asked}, and no volume shrinks: set it back to {size}. A smaller one holds for a platform "
                f"that is made anew, after `scripts/down {environment.stack}`, which deletes the data"
            )
        _check_growth(environment, claim, asked)


def _check_user(environment: Environment, resources: Iterable[Mapping[str, Any]]) -> None:
    wanted = user_of(environment.stack, environment.settings.foundation)
    for group, user in users(resources).items():
        # With null the images' own user ran on the embedded cluster, before it had one for each stack.
        ran = IMAGE_USER if user is None and environment.settings.foundation.publishes else user
        if ran != wanted:
            now, before = ("null" if each is None else each for each in (wanted, user))
            raise UserError(
                f"groundwork:foundation.pods.user is {now} in stacks/Pulumi."
                f"{environment.stack}.yaml, but was {before} when the volume of {group} was filled, whose files no "
                f"other user may write: set it back to {before}. Another one holds for a platform that is made anew, "
                f"after `scripts/down {environment.stack}`, which deletes the data"
            )


def _check_growth(environment: Environment, claim: Claim, asked: str) -> None:
    name, size = claim["storageClassName"], size_of(claim)
    try:
        storage_class = kubectl.get(environment, "storageclass", name) or {}
    except UserError as error:
        raise UserError(
            f"{asked}, and whether it can grow is known to the cluster alone: set it back to {size}, run `scripts/up "
            f"{environment.stack}`, then ask for more again ({error})"
        ) from error
    if storage_class.get("allowVolumeExpansion"):
        return
    fixed = f"{asked}, and its storage class {name} doesn't let volumes grow: set it back to {size}."
    if storage_class.get("provisioner") == HOST_PATH:
        raise UserError(
            f"{fixed} Nothing is lost by that: a volume of this cluster is a folder on this machine, which grows as "
            "far as the disk does, whatever size it asked for"
        )
    patch = f"""kubectl patch storageclass {name} -p '{{"allowVolumeExpansion": true}}'"""
    raise UserError(
        f"{fixed} Or, where the driver of the class can grow volumes, allow it: `{patch}`, then run the same command "
        "again"
    )


def claims(resources: Iterable[Mapping[str, Any]]) -> dict[str, Claim]:
    """Return each volume's claim in a stack's state, by the group of settings that it comes from. Pure."""
    declared: dict[str, Claim] = {}
    templates: dict[str, Claim] = {}
    for resource in resources:
        if match := DECLARED.search(resource["urn"]):
            spec = resource["inputs"]["spec"]
            if match["claim"]:  # its outputs name the class, where the cluster chose it
                declared[match["group"]] = (resource.get("outputs") or {}).get("spec") or spec
            else:  # all that an earlier version declared, and of another size once the claim has grown
                templates[match["group"]] = spec["volumeClaimTemplates"][0]["spec"]
    return {**templates, **declared}


def users(resources: Iterable[Mapping[str, Any]]) -> dict[str, int | None]:
    """Return as which user each service with a volume runs in a stack's state, by its group of settings; None where the
    cluster chooses. Pure."""
    found: dict[str, int | None] = {}
    for resource in resources:
        match = DECLARED.search(resource["urn"])
        if match and not match["claim"]:
            pod = resource["inputs"]["spec"]["template"]["spec"]
            found[match["group"]] = (pod.get("securityContext") or {}).get("runAsUser")
    return found


def size_of(claim: Claim) -> str:
    return claim["resources"]["requests"]["storage"]


def wanted_size(settings: PlatformSettings, group: str) -> str | None:
    """None where the settings leave the service out, or it has no volume."""
    volumes = {each.name: getattr(settings.of(each), "volume", None) for each in EVERY if settings.has(each)}
    return volumes.get(group)

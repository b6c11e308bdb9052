"""The image registry of an embedded cluster, as the commands on its machine use it."""

from embedded.cluster.layout import REGISTRY_PORT, Layout
from embedded.cluster.network import split
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import repository_of
from modules.registry.access import RegistryAccess
from modules.registry.logins import find_login
from modules.registry.remote import Remote
from scripts.cli.environment import Environment

SHARED_PATH = "groundwork"
"""Where the images of all stacks were, before each stack had a path of its own."""


def registry_of(environment: Environment) -> Registry:
    """Where this machine pushes the images of a stack, and its node pulls them: below the stack's own name."""
    address = f"{split(environment.settings.embedded.network).node}:{REGISTRY_PORT}/{environment.stack}"
    return Registry(push=address, pull=address)


def own_access(layout: Layout, address: str) -> RegistryAccess:
    """How this machine comes to a cluster's own registry at an address: with the login that was made for it.

    There is none while the cluster still runs as a version without logins started it."""
    file = layout.registry_login
    login = find_login(address, {"REGISTRY_AUTH_FILE": str(file)}) if file.exists() else None
    advice = "is the cluster running? `groundwork start` starts it"
    return RegistryAccess(ca=layout.certificate("ca"), login=login, own=True, advice=advice)


def held_image(environment: Environment, image: str) -> str:
    """Return where the registry has an image (repository@digest) that a run recorded: there, or at the path that all
    stacks shared before. Raise UserError where it has it no more."""
    if not environment.settings.foundation.publishes:
        return image  # another registry than the embedded cluster's, which may answer nodes only
    address, _, name = repository_of(image).rpartition("/")
    digest = image.rpartition("@")[2]
    for path in (address, f"{address.partition('/')[0]}/{SHARED_PATH}"):
        access = own_access(environment.cluster_layout, path)
        with Remote(Registry(push=path, pull=path), access) as remote:
            if remote.find({name: digest}):
                return f"{path}/{name}@{digest}"
    raise UserError(f"image {image}: the run was trained in it, and the registry has it no more: it can't be run again")

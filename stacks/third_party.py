"""The third-party images that a service runs, checked against the stack's settings.

Imports nothing of the engine's SDK: the commands ask here before anything is begun."""

from typing import Any

from modules.core.errors import UserError
from modules.core.service import Service
from modules.registry.third_party import ThirdPartyImage, read_third_party, unresolved
from stacks.foundation.settings import EmbeddedSettings
from stacks.settings import PlatformSettings


def third_party_images(service: Service[Any], settings: PlatformSettings) -> dict[str, ThirdPartyImage]:
    """Return a service's third-party images by name. Raise UserError where one is unresolved and no simulated node
    could take its pods."""
    if not service.third_party:
        return {}
    listed = read_third_party()
    images = {name: listed[name] for name in service.third_party}
    if (reason := unresolved(images)) and not settings.foundation.simulates:
        off = f"set groundwork:{service.name}.enabled to false"
        if isinstance(settings.foundation, EmbeddedSettings):
            raise UserError(
                f"groundwork:foundation.simulated_nodes is 0, but {service.name} can run on no other node: {reason}. "
                f"Set simulated_nodes to 1, or {off}"
            )
        raise UserError(
            f"groundwork:{service.name}.enabled is true, but it can run on no node of this cluster: {reason}. Or {off}"
        )
    return images

"""The images of others that a platform runs, checked against its settings.

Imports nothing of the engine's SDK: the commands ask here before anything is begun."""

from modules.core.errors import UserError
from modules.registry.third_party import ThirdPartyImage, read_third_party, unresolved
from stacks.settings import PlatformSettings


def jenkins_images(settings: PlatformSettings) -> dict[str, ThirdPartyImage]:
    """The images of Jenkins by name. UserError where one is unresolved and no simulated node could take it."""
    listed = read_third_party()
    images = {name: listed[name] for name in ("jenkins", "jenkins-agent", "python")}
    if (reason := unresolved(images)) and not settings.foundation.simulated_nodes:
        raise UserError(
            f"groundwork:foundation.simulated_nodes is 0, but Jenkins can run on no other node: {reason}. "
            "Set simulated_nodes to 1, or groundwork:jenkins.enabled to false"
        )
    return images

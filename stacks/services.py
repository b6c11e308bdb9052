"""The services of the platform. A new one is a folder with a service.py, and a line here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from embedded.toolchain.programs import program
from modules.airflow.service import AIRFLOW
from modules.core.images import Image
from modules.core.service import Login, Service
from modules.database.service import DATABASE
from modules.gateway.service import GATEWAY
from modules.jenkins.service import JENKINS
from modules.mlflow.service import MLFLOW
from modules.nodes.images import NODES_IMAGE
from modules.registry.images import BASE
from modules.storage.service import STORAGE
from workloads.service import WORKLOADS

DATA: tuple[Service[Any], ...] = (STORAGE, DATABASE)
"""Where they run in the cluster: deployed by the foundation."""

SERVICES: tuple[Service[Any], ...] = (
    MLFLOW,
    WORKLOADS,
    AIRFLOW,
    JENKINS,
    GATEWAY,
)
"""In the order of their deployment: each may require what an earlier one provides."""

EVERY: tuple[Service[Any], ...] = (*DATA, *SERVICES)


OF_FOUNDATIONS: tuple[Image, ...] = (NODES_IMAGE,)
"""Images that no service runs, but a foundation."""


def images(
    chosen: Callable[[Service[Any]], Sequence[Image]] | None = None, foundation: Sequence[Image] = OF_FOUNDATIONS
) -> tuple[Image, ...]:
    """Return the images that are built from this repository, the one below the others first. `chosen`: says which ones
    of a service; None: all. foundation: those that the foundation runs."""
    own = (image for service in EVERY for image in (chosen(service) if chosen else service.images))
    return (BASE, *map(_compiled, (*own, *foundation)))


def _compiled(image: Image) -> Image:
    return replace(image, compiled=program(image.program)) if image.program else image


def logins() -> dict[str, Login]:
    """Return where credentials are, by Kubernetes Service; what is not here needs no login."""
    return {service.login.service or service.name: service.login for service in EVERY if service.login}

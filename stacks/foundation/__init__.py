"""The foundation of a platform, whatever it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modules.core.contracts import Cluster, Consumer, Database, Entry, Identity, ObjectStore, Registry, TableCatalog
from modules.core.labels import Labels

if TYPE_CHECKING:
    import pulumi

    from stacks.settings import PlatformSettings


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A cluster with a namespace for each consumer, its data services, and the registry of its images."""

    cluster: Cluster
    registry: Registry
    object_store: ObjectStore
    catalog: TableCatalog | None = None
    """Of the lake's tables; None: they are in the object store."""
    database: Database
    identity: Identity
    entry: Entry
    provider: "pulumi.ProviderResource"
    """For every object of the cluster."""
    namespaces: "Mapping[str, pulumi.Output[str]]"
    """By consumer; each known once what the consumer was granted is in it."""
    images: Mapping[str, str]
    """Reference by digest of each image that the foundation itself runs, by name."""
    addresses: Mapping[str, str]
    """Where this machine reaches the foundation's services, by service."""
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else a stack on it says, by the name of the output."""


def deploy_foundation(settings: "PlatformSettings", labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    """The foundation that the settings choose. Only its own file imports what it is made of."""
    if settings.existing:
        from stacks.foundation.existing import deploy_existing as deploy
    elif settings.aws:
        from stacks.foundation.aws import deploy_aws as deploy
    elif settings.of_stack:
        from stacks.foundation.stack_aws import deploy_on_stack as deploy
    else:
        from stacks.foundation.embedded import deploy_embedded as deploy

    return deploy(settings, labels, consumers)


def deploy_registry(settings: "PlatformSettings", labels: Labels) -> None:
    """Create the registry of a foundation that makes one. It runs no image of this repository yet."""
    from stacks.foundation.aws import deploy_registry as deploy

    deploy(settings, labels)

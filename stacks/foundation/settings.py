"""What a stack's file says of any foundation, and of the embedded one. The commands read it too, without the engine's
SDK."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from embedded.cluster.network import parse as parse_network
from embedded.cluster.spec import SIMULATED_MOST
from embedded.cluster.status import START_SECONDS
from modules.cluster.settings import QuotaSettings
from modules.core.contracts import Entry
from modules.core.external import ExternalSettings
from modules.core.images import Image
from modules.core.labels import LOCAL_PORT
from modules.core.settings import Port, Settings
from modules.nodes.settings import NodesSettings, TeamSettings
from stacks.foundation.pods import EmbeddedPodsSettings, PodsSettings


def _network(text: str) -> str:
    parse_network(text)
    return text


class FoundationSettings(Settings):
    """What every target answers."""

    target: str = Field(description="Which one it is.")
    pods: PodsSettings = Field(default=PodsSettings(), description="What all pods have in common.")
    quota: QuotaSettings | None = Field(
        default=QuotaSettings(),
        description="What each namespace that the platform makes may take of the cluster; null: whatever there is.",
    )

    def local_ports(self) -> Mapping[str, int]:
        """Return the ports on 127.0.0.1 that the foundation takes itself, by what listens there."""
        return {}

    @abstractmethod
    def entry(self, local_port: int | None) -> Entry:
        """Return how the gateway is reached. local_port: its port on 127.0.0.1, where the target publishes such."""

    def environment(self, stack: str) -> str:
        """Return the name of a stack's environment, by which all that is made is named."""
        return stack

    @property
    def deploys_services(self) -> bool:
        """Whether the stack deploys the services too; or else another stack does, on this foundation."""
        return True

    @property
    def external(self) -> Mapping[str, ExternalSettings]:
        """What somebody else runs of the data services, by name; the others run in the cluster."""
        return {}

    @property
    def namespaces(self) -> Sequence[str]:
        """Names of those that the foundation has something in, beside its target's data services."""
        return ()

    @property
    def images(self) -> Sequence[Image]:
        """Images of this repository that it runs itself, beside those of data services that have settings of their
        own."""
        return ()

    @property
    def teams(self) -> Mapping[str, TeamSettings]:
        """Quotas of accelerators by team."""
        return {}

    @property
    def namespace_quota(self) -> QuotaSettings | None:
        """What each namespace may take; None where the platform sets no bounds."""
        return self.quota

    @property
    def publishes(self) -> bool:
        """Whether Services are published on 127.0.0.1."""
        return False

    @property
    def simulates(self) -> bool:
        """Whether the cluster has nodes that only pretend to run pods."""
        return False


class PortsSettings(Settings):
    """Ports on 127.0.0.1 of what the environment itself is reached by."""

    api: Port = Field(default=6443, description="Of the Kubernetes API, 1024 to 65535.")


class EmbeddedSettings(FoundationSettings):
    """A cluster that runs on this machine and is made by `groundwork up`."""

    target: Literal["embedded"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: never written
        default="embedded", description="embedded: a Kubernetes in namespaces of its own on this machine."
    )
    pods: EmbeddedPodsSettings = Field(  # pyright: ignore[reportIncompatibleVariableOverride] # as above
        default=EmbeddedPodsSettings(), description="What all pods have in common."
    )
    network: Annotated[str, AfterValidator(_network)] = Field(
        default="10.80.0.0/16",
        description="Private IPv4 range with 16 bits of prefix for pods, services and the link to this machine; "
        "environments that run at once need different ones.",
    )
    ports: PortsSettings = Field(default=PortsSettings(), description="Ports of the cluster on 127.0.0.1.")
    start_seconds: int = Field(
        default=START_SECONDS,
        ge=30,
        le=7200,
        description="Seconds without progress after which a start of the cluster is given up, 30 to 7200: more for a "
        "slow machine.",
    )
    simulated_nodes: int = Field(
        default=1,
        ge=0,
        le=SIMULATED_MOST,
        description="Nodes beside the real one that only pretend to run pods, 0 to 1000: for what has no image here.",
    )
    nodes: NodesSettings = Field(
        default=NodesSettings(),
        description="Pools as a cloud would have them: on this machine each has its most nodes, all simulated.",
    )

    @model_validator(mode="after")
    def _nodes_are_few_enough(self) -> Self:
        pools = sum(pool.max for pool in self.nodes.pools.values() if pool.purpose != "system")
        if self.simulated_nodes + pools > SIMULATED_MOST:
            raise ValueError(
                f"simulated_nodes {self.simulated_nodes} and {pools} in nodes.pools are more than {SIMULATED_MOST} "
                "together: lower the max of a pool, or simulated_nodes"
            )
        return self

    def local_ports(self) -> Mapping[str, int]:
        return {"api": self.ports.api}

    def entry(self, local_port: int | None) -> Entry:
        return Entry(
            domain="localhost",  # browsers and curl lead each name below it to this machine (RFC 6761)
            addresses=("127.0.0.1",),
            port=local_port,
            annotations={} if local_port is None else {LOCAL_PORT: str(local_port)},
        )

    @property
    def teams(self) -> Mapping[str, TeamSettings]:
        return self.nodes.teams

    @property
    def publishes(self) -> bool:
        return True

    @property
    def simulates(self) -> bool:
        return self.simulated_nodes > 0

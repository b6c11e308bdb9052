"""Settings of a service that somebody else runs: where its connections arrive, and how it is trusted."""

from ipaddress import ip_address
from typing import Self

from pydantic import Field, model_validator

from .contracts import Reach
from .settings import Cidr, Settings


class PodsSettings(Settings):
    """Pods of this cluster."""

    namespace: str = Field(min_length=1, description="Their namespace.")
    labels: dict[str, str] = Field(min_length=1, description="Their labels, as its Service selects them.")
    port: int = Field(ge=1, le=65535, description="Port at which they listen, 1 to 65535, whatever its Service's is.")


class ExternalSettings(Settings):
    """What every service that somebody else runs has."""

    ca: str | None = Field(
        default=None,
        description="PEM file, below the repository or by its whole path, of the CA that its certificate is of. null: "
        "a public one.",
    )
    ranges: list[Cidr] = Field(
        default=["0.0.0.0/0"],
        min_length=1,
        description="CIDRs of its addresses: network policies can't name a host, so that by default its port is open "
        "to consumers everywhere.",
    )
    pods: PodsSettings | None = Field(
        default=None, description="Its pods, where it runs in this cluster: network policies name them, no addresses."
    )

    @model_validator(mode="after")
    def _pods_have_no_ranges(self) -> Self:
        if self.pods is not None and "ranges" in self.model_fields_set:
            raise ValueError("both ranges and pods are given: keep pods where it runs in this cluster, else ranges")
        return self

    @property
    def has_namespace(self) -> bool:
        """Whether something of ours runs for it, in the namespace of its name."""
        return False

    def reach(self, port: int) -> Reach:
        """Return what its users' network policies open. port: at which its address answers."""
        if self.pods is None:
            return Reach(port=port, ranges=list(self.ranges))
        return Reach(port=self.pods.port, namespace=self.pods.namespace, labels=dict(self.pods.labels))


def require_reachable(host: str) -> str:
    """Return a host that can mean the same for a pod and for this machine. ValueError for this machine's own name."""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost" or host.endswith(".localhost")
    if loopback:
        raise ValueError("for a pod that is the pod itself: give a name or an address that pods reach too")
    return host

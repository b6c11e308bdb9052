"""EKS: what belongs together in one update."""

from typing import TYPE_CHECKING, Any

from ..templates import MISSING

if TYPE_CHECKING:
    from ..resource import Live


def elastic_load_balancing(live: "Live") -> Any:
    """EKS takes compute, storage and load balancing of its automatic mode in one request only."""
    network: dict[str, Any] = live.values.get("kubernetesNetworkConfig") or {}
    return network.get("elasticLoadBalancing") or MISSING

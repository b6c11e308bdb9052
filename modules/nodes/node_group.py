"""The managed node group of a pool of purpose system: what runs there brings all other nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modules.core.errors import UserError
from modules.core.quantities import size_bytes

from .pools import node_labels, node_taints
from .settings import PoolSettings

MOST_TYPES = 20
"""That a managed node group takes: EKS, CreateNodegroup."""
IMAGE = "AL2023_x86_64_STANDARD"
"""Kind of machine image of architecture amd64, in EKS's words."""
EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """Arguments of a managed node group and its launch template."""

    instance_types: Sequence[str]
    """In the order in which they are tried."""
    ami_type: str
    min_size: int
    max_size: int
    disk_gib: int
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    """key, value (if any) and effect, in EKS's words."""


def node_group(name: str, pool: PoolSettings) -> NodeGroup:
    """Return the node group of a pool: of the types that fit, those with the least memory, so that its nodes are
    alike."""
    types = pool.instance_types()
    least = min(each.memory_mib for each in types)
    alike = [each for each in types if each.memory_mib == least][:MOST_TYPES]
    return NodeGroup(
        instance_types=[each.name for each in alike],
        ami_type=IMAGE,
        min_size=pool.min,
        max_size=pool.max,
        disk_gib=size_bytes(pool.disk) // 2**30,
        labels=node_labels(name, pool),
        taints=[{**taint, "effect": EFFECTS[taint["effect"]]} for taint in node_taints(pool)],
    )


def system_pools(pools: Mapping[str, PoolSettings], key: str) -> dict[str, PoolSettings]:
    """Return the pools of purpose system. Raise UserError where there is none. key: the path of the pools' settings."""
    if found := {name: pool for name, pool in pools.items() if pool.purpose == "system"}:
        return found
    raise UserError(
        f"{key} has no pool of purpose system, but what brings the nodes of the others runs there: add one, such as "
        "system: {purpose: system, shape: {cpu: 2, memory: 8Gi}, min: 2, max: 3}"
    )

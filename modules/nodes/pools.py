"""What nodes of a pool have in common wherever they are: labels, taints, and what they have for pods."""

from collections.abc import Iterator, Mapping

from modules.core.simulation import SimulatedNode

from .settings import PoolSettings

POOL = "groundwork.dev/pool"
PURPOSE = "groundwork.dev/purpose"
MODEL = "groundwork.dev/accelerator"
PLUGIN_CONFIG = "nvidia.com/device-plugin.config"
"""Label by which NVIDIA's device plugin finds its part of the ConfigMap: see `documents.device_plugin`."""
MIG_CONFIG = "nvidia.com/mig.config"
"""Label by which NVIDIA's MIG manager divides the GPUs of a node."""
EFA = "vpc.amazonaws.com/efa"
PODS = 110
"""Of a node, as the kubelet has it where nobody says otherwise."""


def node_labels(name: str, pool: PoolSettings) -> dict[str, str]:
    """Return the labels of each node."""
    labels = {**pool.labels, POOL: name, PURPOSE: pool.purpose}
    if pool.gpu is not None:
        labels[MODEL] = pool.gpu.model
        if pool.gpu.is_nvidia:
            labels[PLUGIN_CONFIG] = name
        if pool.gpu.mig_profile:
            labels[MIG_CONFIG] = f"all-{pool.gpu.mig_profile}"
    return labels


def node_taints(pool: PoolSettings) -> list[dict[str, str]]:
    """Return the taints of each node, as a node's specification has them.

    The key of the one for accelerators is the resource's: the admission plugin ExtendedResourceToleration lets in who
    asks for that resource, and so no pod that asks for a whole GPU comes to a node that has slices alone."""
    own = [_taint(taint.key, taint.value, taint.effect) for taint in pool.taints]
    return own if pool.gpu is None else [*own, _taint(pool.gpu.resource, "present", "NoSchedule")]


def simulated_nodes(pools: Mapping[str, PoolSettings]) -> Iterator[SimulatedNode]:
    """Yield the nodes that stand for all pools but those of purpose system, whose place the real node takes. Nothing
    adds nodes to a cluster on this machine: each pool has its most. A node is of the pool's cheapest type."""
    for name, pool in pools.items():
        for number in range(pool.max if pool.purpose != "system" else 0):
            yield SimulatedNode(
                name=f"simulated-{name}-{number}",
                labels=node_labels(name, pool),
                taints=node_taints(pool),
                capacity=_capacity(pool),
            )


def _capacity(pool: PoolSettings) -> dict[str, str]:
    shape = pool.instance_types()[0]
    capacity = {
        "cpu": str(shape.vcpus),
        "memory": f"{shape.memory_mib}Mi",
        "pods": str(PODS),
        "ephemeral-storage": pool.disk,
    }
    if pool.gpu is not None:
        capacity[pool.gpu.resource] = str(pool.gpu.per_node)
    if shape.efa:
        capacity[EFA] = str(shape.efa)
    return capacity


def _taint(key: str, value: str, effect: str) -> dict[str, str]:
    return {"key": key, "effect": effect, **({"value": value} if value else {})}

"""What the cluster's objects say of its accelerators, and of who may have them."""

from collections.abc import Mapping
from typing import Any

import yaml

from .gpus import GPU
from .settings import GpuSettings, PoolSettings, Purpose, TeamSettings

PRIORITIES: Mapping[Purpose, tuple[int, bool, str]] = {
    "serving": (100_000, True, "Answers requests: takes the place of what may wait."),
    "general": (10_000, False, "Runs beside requests, and waits for a place."),
    "training": (1_000, False, "Ends by itself, and can be run again."),
}
"""Priority, whether pods of it evict others, and why, by the purpose of the pool. What runs the cluster has Kubernetes'
own classes, far above."""


def device_plugin(pools: Mapping[str, PoolSettings]) -> dict[str, str]:
    """Return the files of the ConfigMap of NVIDIA's device plugin, by name: one for each pool with its GPUs, whose
    nodes name it by the label `pools.PLUGIN_CONFIG`."""
    return {
        name: yaml.safe_dump(_plugin_config(pool.gpu), sort_keys=False)
        for name, pool in pools.items()
        if pool.gpu is not None and pool.gpu.is_nvidia
    }


def _plugin_config(gpu: GpuSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "version": "v1",
        "flags": {"migStrategy": "mixed" if gpu.mig_profile else "none", "failOnInitError": True},
    }
    if gpu.time_slices:
        # A pod that asks for two slices may get both of one GPU: it is refused, not slowed down unseen.
        config["sharing"] = {
            "timeSlicing": {
                "renameByDefault": True,
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": GPU, "replicas": gpu.time_slices}],
            }
        }
    return config


def gpu_quota(team: TeamSettings, pools: Mapping[str, PoolSettings]) -> dict[str, str]:
    """Return the hard limits of the ResourceQuota in each of a team's namespaces: of each kind of accelerator that any
    pool has, none where the team has no share of it. Kubernetes counts the kind, not the pool: pools with the same kind
    are added up."""
    hard = {pool.gpu.resource: 0 for pool in pools.values() if pool.gpu is not None}
    for name, count in team.gpus.items():
        if (gpu := pools[name].gpu) is not None:
            hard[gpu.resource] += count
    return {f"requests.{resource}": str(count) for resource, count in sorted(hard.items())}

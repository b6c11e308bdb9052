"""Pools as a stack's file would declare them, for tests."""

from typing import Any

from modules.nodes.settings import NodesSettings, PoolSettings

NODES = NodesSettings.model_validate(
    {
        "pools": {
            "system": {"purpose": "system", "shape": {"cpu": 2, "memory": "8Gi"}, "min": 2, "max": 3},
            "general": {
                "purpose": "general",
                "shape": {"cpu": 4, "memory": "16Gi"},
                "max": 10,
                "capacity": "spot-with-fallback",
                "labels": {"example.com/team": "all"},
                "taints": [{"key": "example.com/dedicated", "value": "yes", "effect": "NoExecute"}],
            },
            "training": {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 2, "disk": "1Ti"},
            "shared": {"purpose": "serving", "gpu": {"model": "a10g", "time_slices": 4}, "max": 3},
            "divided": {
                "purpose": "serving",
                "gpu": {"model": "a100-40gb", "count": 8, "mig_profile": "1g.5gb"},
                "max": 1,
                "capacity": "spot",
            },
            "neuron": {"purpose": "serving", "gpu": {"model": "inferentia2"}, "max": 4},
        },
        "teams": {
            "vision": {"workloads": ["iris"], "gpus": {"training": 8, "shared": 6}},
            "others": {"workloads": ["wine"]},
        },
    }
)
POOLS: dict[str, PoolSettings] = NODES.pools


def changed(pool: str, **values: Any) -> PoolSettings:
    """The pool with other settings."""
    return PoolSettings.model_validate({**POOLS[pool].model_dump(), **values})

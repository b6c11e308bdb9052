"""Changes of what a stack's file says of its foundation on AWS: each setting is among them, or it is said why not."""

from collections.abc import Mapping, Sequence
from typing import Any

Change = Mapping[str, Any]
"""Values by key path below the foundation, of the small example."""
PEOPLE = "arn:aws:iam::123456789012"

IN_PLACE: Sequence[Change] = (
    {"network.nat": "per-zone", "network.endpoints": ["sts"], "network.flow_log_days": 90},
    {"protection": "full"},
    {"protection": "removable", "cost_centre": "other", "expiry": "2029-01-31"},
    {"cluster.version": "1.36", "cluster.addons.kube_proxy": "v1.36.0-eksbuild.2"},
    {"cluster.addons.vpc_cni": "v1.22.0-eksbuild.1", "cluster.addons.coredns": "v1.14.0-eksbuild.1"},
    {"cluster.addons.ebs_csi_driver": "v1.58.0-eksbuild.1"},
    {"cluster.administrators": [f"{PEOPLE}:role/deployer", f"{PEOPLE}:user/other"]},
    {"cluster.viewers": [f"{PEOPLE}:role/viewer"], "cluster.public_ranges": []},
    {"database.instance_class": "db.m7g.large", "database.volume": "50Gi", "database.largest_volume": "2Ti"},
    {"database.version": "16"},
    *(
        {
            f"buckets.{role}.versioning": versioning,
            f"buckets.{role}.expiration_days": 400,
            f"buckets.{role}.noncurrent_expiration_days": 20 if versioning else None,
            f"buckets.{role}.abort_incomplete_upload_days": 3,
        }
        for role, versioning in {"raw": False, "features": True, "artifacts": True, "logs": True}.items()
    ),
    {"budget.monthly_usd": 9, "budget.emails": ["b@example.com"], "budget.spent_percent": [70]},
    {"budget.activate_tags": True},
    {"lake.administrators": [f"{PEOPLE}:user/b"], "lake.readers": [f"{PEOPLE}:role/analyst"]},
    {"lake.scan_limit": "1Gi", "lake.crawl_hour": 4},
    {"nodes.pools.system.min": 3, "nodes.pools.system.max": 5, "nodes.pools.system.disk": "200Gi"},
    {"nodes.pools.system.labels": {"a": "b"}, "nodes.pools.system.taints": [{"key": "a", "value": "b"}]},
    {
        "nodes.pools.gpus": {
            "purpose": "training",
            "gpu": {"model": "h100", "count": 8, "time_slices": 2},
            "max": 2,
            "capacity": "spot",
        },
    },
    {"reached.by": "load-balancer", "reached.domain": "ml.example.com"},
)
"""AWS's data has nothing against any of them in place."""
REPLACING: Sequence[tuple[Change, set[str]]] = (
    ({"network.zones": 3}, {"nodes-system"}),
    ({"nodes.pools.system.shape": {"cpu": 8, "memory": "32Gi"}}, {"nodes-system"}),
    ({"nodes.pools.system.families": ["m7i"]}, {"nodes-system"}),
)
"""Each with what it makes anew: nodes alone, never what holds data."""
NEVER = {
    "target": "is what the foundation is",
    "account": "is where all of it is",
    "region": "is where all of it is",
    "availability_zones": "are those of the subnets that are there",
    "network.range": "is that of the network that all is in",
    "network.service_range": "EKS takes no other one for a cluster that is there",
    "services_stack": "divides no platform that is there",
}
"""What never changes, by the words of its setting, and why."""
IN_THE_CLUSTER = {
    **dict.fromkeys(("pods", "quota", "service_ranges", "database.ca"), "of pods and Secrets"),
    **dict.fromkeys(("reached.certificate", "reached.public", "reached.ranges"), "of the gateway's Service"),
    **dict.fromkeys(("nodes.teams", "nodes.image", "nodes.pools.<name>.gpu.mig_profile"), "of Karpenter's pools"),
    "network.peers": "is only kept apart",
}
"""What changes nothing in the account itself, by the beginning of its path."""

"""What Karpenter reads: from one declaration of a pool a NodePool, an EC2NodeClass and, for shared GPUs, a NodeOverlay.

The schemas are those of v1.15, the release whose prices the table of instance types has."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.core.quantities import size_bytes

from .facts import InstanceType
from .pools import node_labels, node_taints
from .settings import PoolSettings, Purpose

Document = dict[str, Any]
DEFINITIONS = Path(__file__).with_name("karpenter_crds.json")
DISCOVERY = "karpenter.sh/discovery"
"""Tag of the subnets and security groups of a cluster's nodes; its value is the cluster's name."""
NODE_CLASS = ("karpenter.k8s.aws", "EC2NodeClass")
STARTUP_TAINT = "groundwork.dev/accelerator-not-ready"
"""Of a node until its device plugin reports what it has: until then its accelerators count as none, and another node
would be started for the same pod."""
ROOT_DEVICE = "/dev/xvda"
"""Of Amazon Linux 2023."""
CAPACITY_TYPES = {"on-demand": ["on-demand"], "spot": ["spot"], "spot-with-fallback": ["spot", "on-demand"]}
"""Karpenter takes spot nodes first, and those on demand while a zone and type has none."""
IDLE = "5m"
"""How long a node is empty, or could do with fewer, before it goes: a training's next task finds it still there."""
MOST_WEIGHT = 100
"""Of a NodePool."""
LONGEST_LIFE = "720h"
"""Of a node that serves: 30 days, Karpenter's own default, after which it is replaced by one with a newer image."""

_DISRUPTION: Mapping[Purpose, Document] = {
    "general": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "budgets": [{"nodes": "10%"}]},
    "serving": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "budgets": [{"nodes": "1"}]},
    # Nodes with a training on them stay, also where they are of an older image.
    "training": {
        "consolidationPolicy": "WhenEmpty",
        "budgets": [
            {"nodes": "0", "reasons": ["Underutilized", "Drifted"]},
            {"nodes": "100%", "reasons": ["Empty"]},
        ],
    },
}


@dataclass(frozen=True, kw_only=True)
class NodeClass:
    """What nodes of a cluster on AWS have in common."""

    cluster: str
    """Name of the EKS cluster."""
    instance_profile: str
    """Name of the profile by which nodes join the cluster."""
    image: str
    """Alias of the machine image: al2023@v20251103, or al2023@latest, which replaces nodes as images appear."""
    kms_key: str | None
    """ARN of the key of the nodes' volumes; None: the account's own for volumes."""
    tags: Mapping[str, str]
    """Of instances, volumes and network interfaces."""


def definitions() -> dict[str, Document]:
    """Return what the API server must know of Karpenter's objects: the specification of each
    CustomResourceDefinition, by its name. `python -m scripts.generators.karpenter_crds` makes the file."""
    return json.loads(DEFINITIONS.read_text())


def weights(pools: Mapping[str, PoolSettings]) -> dict[str, int]:
    """Return the weight of each pool: the cheaper its cheapest type, the more. Of the pools whose nodes a pod fits on
    Karpenter takes the one of most weight, and compares the prices of types within that pool alone: with the same
    weight for all, a pod that asks for one GPU may start a node with eight."""

    def price(name: str) -> tuple[bool, float, str]:
        cheapest = pools[name].instance_types()[0].price
        return cheapest is None, cheapest or 0, name

    return {name: max(MOST_WEIGHT - place, 1) for place, name in enumerate(sorted(pools, key=price))}


def node_pool(name: str, pool: PoolSettings, *, weight: int) -> Document:
    """Return the NodePool of a pool. weight: see `weights`. Raise ValueError for one of purpose system."""
    if pool.purpose == "system":
        raise ValueError(f"pool {name} is of purpose system: Karpenter runs there, and does not bring such nodes")
    types = pool.instance_types()
    template: Document = {
        "nodeClassRef": {"group": NODE_CLASS[0], "kind": NODE_CLASS[1], "name": name},
        "requirements": [
            _in("kubernetes.io/os", ["linux"]),
            _in("kubernetes.io/arch", sorted({each.architecture for each in types})),
            _in("karpenter.sh/capacity-type", CAPACITY_TYPES[pool.capacity]),
            _in("node.kubernetes.io/instance-type", [each.name for each in types]),
        ],
        "taints": node_taints(pool),
        "startupTaints": [{"key": STARTUP_TAINT, "effect": "NoSchedule"}] if pool.gpu else [],
        "expireAfter": "Never" if pool.purpose == "training" else LONGEST_LIFE,
    }
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {"metadata": {"labels": node_labels(name, pool)}, "spec": template},
            "disruption": {**_DISRUPTION[pool.purpose], "consolidateAfter": IDLE},
            "limits": _limits(pool, types),
            "weight": weight,
        },
    }


def node_class(name: str, pool: PoolSettings, common: NodeClass) -> Document:
    """Return the EC2NodeClass of a pool."""
    selected = [{"tags": {DISCOVERY: common.cluster}}]
    volume: Document = {
        "volumeType": "gp3",
        "volumeSize": f"{size_bytes(pool.disk) // 2**30}Gi",
        "encrypted": True,
        "deleteOnTermination": True,
    }
    if common.kms_key is not None:
        volume["kmsKeyID"] = common.kms_key
    spec: Document = {
        "amiSelectorTerms": [{"alias": common.image}],
        "instanceProfile": common.instance_profile,
        "subnetSelectorTerms": selected,
        "securityGroupSelectorTerms": selected,
        "associatePublicIPAddress": False,
        "blockDeviceMappings": [{"deviceName": ROOT_DEVICE, "rootVolume": True, "ebs": volume}],
        # One hop: from the node itself, not from pods, which have identities of their own.
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "tags": {**common.tags, "groundwork.dev/pool": name},
    }
    if all(each.nvme_gb for each in pool.instance_types()):
        spec["instanceStorePolicy"] = "RAID0"
    return {
        "apiVersion": f"{NODE_CLASS[0]}/v1",
        "kind": NODE_CLASS[1],
        "metadata": {"name": name},
        "spec": spec,
    }


def node_overlay(name: str, pool: PoolSettings) -> Document | None:
    """Return the NodeOverlay by which Karpenter knows what a node has that it doesn't know of by its type: slices and
    MIG instances. None where pods get whole accelerators. It needs Karpenter's feature gate NodeOverlay."""
    if pool.gpu is None or not (pool.gpu.time_slices or pool.gpu.mig_profile):
        return None
    return {
        "apiVersion": "karpenter.sh/v1alpha1",
        "kind": "NodeOverlay",
        "metadata": {"name": name},
        "spec": {
            "requirements": [_in("karpenter.sh/nodepool", [name])],
            "capacity": {pool.gpu.resource: str(pool.gpu.per_node)},
        },
    }


def _limits(pool: PoolSettings, types: Sequence[InstanceType]) -> dict[str, str]:
    """Karpenter counts nodes that are there, but not those that it starts for other pods of the same moment, of which
    it counts the resources alone: as much as the largest type has."""
    limits = {"nodes": str(pool.max), "cpu": str(pool.max * max(each.vcpus for each in types))}
    return limits if pool.gpu is None else {**limits, pool.gpu.resource: str(pool.max * pool.gpu.per_node)}


def _in(key: str, values: list[str]) -> Document:
    return {"key": key, "operator": "In", "values": values}

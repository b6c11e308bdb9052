"""EKS: the nodes of node groups. The first group's first node is this machine; all others are simulated."""

from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from embedded.cluster.api import Client, Json
from embedded.cluster.objects import capacity_of, simulated_node
from modules.core.simulation import SimulatedNode

GROUP = "eks.amazonaws.com/nodegroup"
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}
"""Of a taint: as Kubernetes calls what EKS calls so."""
PODS = "110"
"""What a kubelet runs, where nothing else is set."""
NODES = "/api/v1/nodes"


def apply_nodes(client: Client, real: str, cluster: Any) -> None:
    """Make a cluster's nodes those of its node groups. real: the name of the node that this machine is."""
    nodes = list(nodes_of(cluster))
    client.apply(f"{NODES}/{real}", real_node(real, nodes[0] if nodes else None))
    simulated = nodes[1:]
    for node in simulated:
        client.apply(*simulated_node(node))
        client.apply(*capacity_of(node))
    for found in client.get(f"{NODES}?labelSelector={GROUP}")["items"]:
        name: str = found["metadata"]["name"]
        if name != real and name not in {node.name for node in simulated}:
            client.delete(f"{NODES}/{name}")


def real_node(name: str, stands_for: SimulatedNode | None) -> Json:
    """Return what is applied to the node of this machine: what its group says of it. Without one nothing is placed on
    it, since such a cluster has no node on AWS. Pure."""
    metadata: Json = {"name": name, "labels": dict(stands_for.labels) if stands_for else {}}
    spec: Json = {"unschedulable": stands_for is None}
    if stands_for and stands_for.taints:
        spec["taints"] = [dict(taint) for taint in stands_for.taints]
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def nodes_of(cluster: Any) -> Iterator[SimulatedNode]:
    """Yield all nodes of a cluster's groups, in the order in which the groups were made. Pure."""
    for group in cluster.nodegroups.values():
        kind: str = group.instance_types[0] if group.instance_types else ""
        for number in range(int(group.scaling_config.get("desiredSize", 1))):
            yield SimulatedNode(
                name=f"{group.nodegroup_name}-{number}".lower().replace("_", "-"),
                labels={
                    GROUP: group.nodegroup_name,
                    "eks.amazonaws.com/capacityType": group.capacity_type,
                    "node.kubernetes.io/instance-type": kind,
                    "topology.kubernetes.io/region": group.region,
                    **(group.labels or {}),
                },
                taints=[_taint(taint) for taint in group.taints or ()],
                capacity=capacity(kind),
            )


def capacity(instance_type: str) -> dict[str, str]:
    """Return what a machine of a type has for pods, by Kubernetes' names of resources; nothing of a type that is
    unknown. Pure."""
    facts: Mapping[str, Any] = INSTANCE_TYPES.get(instance_type, {})
    if not facts:
        return {}
    made = {
        "cpu": str(facts["VCpuInfo"]["DefaultVCpus"]),
        "memory": f"{facts['MemoryInfo']['SizeInMiB']}Mi",
        "pods": PODS,
    }
    accelerators: list[Any] = facts.get("GpuInfo", {}).get("Gpus", [])
    if gpus := sum(int(each["Count"]) for each in accelerators):
        made["nvidia.com/gpu"] = str(gpus)
    return made


def _taint(taint: Mapping[str, str]) -> dict[str, str]:
    return {"key": taint["key"], "value": taint.get("value", ""), "effect": EFFECTS[taint["effect"]]}

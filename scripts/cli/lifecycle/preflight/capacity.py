"""Whether the nodes have what the platform's pods ask for: architecture, CPU, memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from modules.core.images import own_architecture
from scripts.cli.clients.api import Refused
from stacks.requests import Request, lasting, requests

from .findings import KEY, Context, Finding
from .objects import Object, group, is_ours, listed

UNITS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
REPELS = frozenset({"NoSchedule", "NoExecute"})
GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a node that takes pods has left for those of the environment."""

    name: str
    architecture: str
    millicores: int
    memory: int


def check(context: Context) -> list[Finding]:
    documents = context.api.items("/api/v1/nodes")
    try:
        pods = context.api.items("/api/v1/pods")
    except Refused:  # then what all others ask for is not known
        pods = None
    nodes = [
        node_of(each, [pod for pod in pods or [] if not is_ours(pod["metadata"], context.stack)])
        for each in documents
        if takes_pods(each)
    ]
    return [
        architecture(nodes, context.existing.registry.architecture or own_architecture()),
        room(nodes, requests(context.environment.settings), others_known=pods is not None),
    ]


def takes_pods(node: Object) -> bool:
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in listed(node["status"], "conditions"))
    spec = group(node, "spec")
    return ready and not spec.get("unschedulable") and not any(t["effect"] in REPELS for t in listed(spec, "taints"))


def node_of(node: Object, pods: Sequence[Object]) -> Node:
    """What a node has, less what these pods on it ask for."""
    name, allocatable = node["metadata"]["name"], node["status"]["allocatable"]
    here = [
        pod["spec"]
        for pod in pods
        if pod["spec"].get("nodeName") == name and pod["status"].get("phase") in {"Pending", "Running"}
    ]
    return Node(
        name=name,
        architecture=node["status"]["nodeInfo"]["architecture"],
        millicores=int(1000 * (quantity(allocatable["cpu"]) - sum(asked(spec, "cpu") for spec in here))),
        memory=int(quantity(allocatable["memory"]) - sum(asked(spec, "memory") for spec in here)),
    )


def asked(spec: Object, resource: str) -> Decimal:
    """What a pod asks for: all its containers together, or the largest of those that run before them."""

    def of(kind: str) -> list[Decimal]:
        found = [group(group(each, "resources"), "requests") for each in listed(spec, kind)]
        return [quantity(each[resource]) for each in found if resource in each]

    return max(sum(of("containers"), Decimal(0)), *of("initContainers"), Decimal(0))


def quantity(text: str) -> Decimal:
    """The value of an amount as Kubernetes writes it: 3920m, 16Gi, 129e6."""
    unit = text.lstrip("+-0123456789.")
    if unit[:1] in {"e", "E"} and unit[1:]:
        return Decimal(text)
    return Decimal(text.removesuffix(unit)) * UNITS[unit]


def architecture(nodes: Sequence[Node], wanted: str) -> Finding:
    found = sorted({node.architecture for node in nodes})
    if found == [wanted]:
        return Finding(check="architecture", state="ok", detail=f"nodes and images: {wanted}")
    if wanted in found:
        return Finding(
            check="architecture",
            state="warning",
            detail=f"the nodes are {', '.join(found)}, the images {wanted}: pods fail on the others",
            action=f"groundwork:foundation.pods.node_selector: {{kubernetes.io/arch: {wanted}}}",
        )
    if not found:
        action = "add nodes that take pods"
    else:
        machine = "run the command on a machine of the nodes' architecture"
        action = f"{machine}, or {KEY}.registry.architecture: {found[0]}, where the registry has such images"
    return Finding(
        check="architecture",
        state="refused",
        detail=f"the images are {wanted}, the nodes {', '.join(found) or 'none that takes pods'}",
        action=action,
    )


def room(nodes: Sequence[Node], wanted: Sequence[Request], *, others_known: bool) -> Finding:
    """Whether the sum fits on all nodes together, and the largest container on one of them."""
    cores, memory = lasting(wanted)
    passing = [each for each in wanted if not each.lasting]
    cores += max((each.millicores for each in passing), default=0)
    memory += max((each.memory for each in passing), default=0)
    free = (sum(node.millicores for node in nodes), sum(node.memory for node in nodes))
    of_what = "free" if others_known else "allocatable (what others ask for may not be read)"
    detail = (
        f"{cores / 1000:.1f} cores and {memory / GIB:.1f} GiB are requested, one training at a time included; "
        f"{free[0] / 1000:.1f} cores and {free[1] / GIB:.1f} GiB are {of_what} on {len(nodes)} nodes that take pods"
    )
    too_large = [
        each
        for each in wanted
        if not any(node.millicores >= each.millicores and node.memory >= each.memory for node in nodes)
    ]
    if cores > free[0] or memory > free[1] or too_large:
        worst = too_large[0].key if too_large else most_of(wanted, of_memory=memory > free[1])
        which = f"; none has room for groundwork:{worst}.requests" if too_large else ""
        return Finding(
            check="CPU and memory",
            state="refused",
            detail=f"{detail}{which}",
            action=f"add nodes, or ask for less: groundwork:{worst}.requests asks for most",
        )
    return Finding(check="CPU and memory", state="ok" if others_known else "warning", detail=detail)


def most_of(wanted: Sequence[Request], *, of_memory: bool) -> str:
    """Return the key that asks for most in all its containers together."""
    totals: Counter[str] = Counter()
    for each in wanted:
        totals[each.key] += each.memory if of_memory else each.millicores
    return totals.most_common(1)[0][0]

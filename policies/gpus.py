"""Whoever asks for accelerators gets them, and nobody else is kept from a node: no limit that refuses all other pods,
no request that the device plugin refuses."""

from policies.pods import Document, Pod, group

SHARED = ".shared"
"""Ends the name of a resource whose units are turns on an accelerator, as NVIDIA's device plugin names it."""
ACCELERATORS = ("nvidia.com/", "amd.com/gpu", "aws.amazon.com/neuron", "google.com/tpu", "habana.ai/")
BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
"""Of a LimitRange: what they name, every container must ask for, or is given unasked."""


def problems(pod: Pod) -> list[str]:
    """What is wrong with the accelerators that the pod asks for, one line each."""
    return [
        f"container {container.get('name')!r}: {problem}"
        for container in pod.containers()
        for problem in _of_container(group(container, "resources"))
    ]


def limit_range_problems(resource_type: str, props: Document) -> list[str]:
    """What is wrong with a LimitRange, one line each; nothing is with other resources."""
    if not resource_type.endswith(":LimitRange"):
        return []
    return [
        f"{bound} has {name}: every pod that asks for none is refused, or gets one; bound accelerators by a "
        f"ResourceQuota of requests.{name}, and leave it out here"
        for limit in group(props, "spec").get("limits") or ()
        for bound in BOUNDS
        for name in group(limit, bound)
        if name.startswith(ACCELERATORS)
    ]


def _of_container(resources: Document) -> list[str]:
    limits, requests = _amounts(resources, "limits"), _amounts(resources, "requests")
    found = [
        f"limits.{name} is {amount}: slices of a GPU are turns, and two may be of the same one: ask for 1, or for "
        "whole GPUs of another pool"
        for name, amount in limits.items()
        if name.endswith(SHARED) and amount not in {"0", "1"}
    ]
    found += [
        f"requests.{name} is {amount}, and limits.{name} is {limits.get(name, 'missing')}: Kubernetes takes "
        "accelerators only where both are the same: set the limit, and leave out the request"
        for name, amount in requests.items()
        if name.startswith(ACCELERATORS) and limits.get(name) != amount
    ]
    return found


def _amounts(resources: Document, key: str) -> dict[str, str]:
    """As text: the engine hands numbers on as floating-point ones."""
    return {name: str(amount).removesuffix(".0") for name, amount in group(resources, key).items()}

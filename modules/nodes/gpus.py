"""Accelerators as Kubernetes sees them: resource names, and into what one can be divided."""

from .facts import MODELS, Model

NEURON: tuple[Model, ...] = ("trainium", "inferentia2")
"""AWS's own, which nothing divides."""
GPU = "nvidia.com/gpu"
"""Whole ones."""
SHARED_GPU = f"{GPU}.shared"
"""Time-sliced ones, as the NVIDIA device plugin names them (`renameByDefault`): nobody gets one for a whole GPU."""
NEURON_DEVICE = "aws.amazon.com/neuron"
RESOURCES = (GPU, SHARED_GPU, NEURON_DEVICE)
MIG_PREFIX = "nvidia.com/mig-"

_A100_80GB = {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1}
MIG_PROFILES: dict[Model, dict[str, int]] = {
    "a100-40gb": {"1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
    "a100-80gb": _A100_80GB,
    "h100": _A100_80GB,
    "h200": {"1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
    "b200": {"1g.23gb": 7, "1g.45gb": 4, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1},
}
"""Instances of a profile that one GPU can be divided into: NVIDIA's Multi-Instance GPU User Guide, "Supported MIG
Profiles". Those with media extensions (+me) are left out."""
NVIDIA_MODELS: tuple[Model, ...] = tuple(model for model in MODELS if model not in NEURON)


def is_accelerator(resource: str) -> bool:
    """Return whether a resource of pods is one of accelerators, divided or whole."""
    return resource in RESOURCES or resource.startswith(MIG_PREFIX)

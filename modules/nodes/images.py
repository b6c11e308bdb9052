"""The image of what brings nodes and opens them."""

from modules.core.images import Image

NODES_IMAGE = Image(
    name="nodes",
    budget_mb=200,
    containerfile="modules/nodes/Containerfile",
    files=("modules/nodes/files/ready.py",),
    program="karpenter",
)

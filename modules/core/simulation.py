"""Simulated nodes: they stand for what this machine lacks or can't obtain, and only pretend to run their pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SIMULATED = "groundwork.dev/simulated"
"""Label of a simulated node and of each pod on it, and the taint that keeps other pods away."""
SIMULATION_REASON = "groundwork.dev/simulated-because"
"""Annotation of such a pod: why it does not run, for people to read."""


@dataclass(frozen=True, kw_only=True)
class SimulatedNode:
    """A node that stands for one of a pool, beside its mark as simulated."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    """As a node's specification has them: key, value, effect."""
    capacity: Mapping[str, str]
    """Amount of each resource."""

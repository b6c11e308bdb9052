"""Simulated nodes: they stand for what this machine lacks or can't obtain, and only pretend to run their pods."""

SIMULATED = "groundwork.dev/simulated"
"""Label of a simulated node and of each pod on it, and the taint that keeps other pods away."""
SIMULATION_REASON = "groundwork.dev/simulated-because"
"""Annotation of such a pod: why it does not run, for people to read."""

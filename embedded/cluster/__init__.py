"""The embedded cluster: a real Kubernetes on this machine, in namespaces of its own.

Its parts are imported when they are first used: the program of a stack only asks how addresses are divided.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cluster import Cluster
    from .ports import ensure_free
    from .processes import Process
    from .spec import ClusterSpec, Wording
    from .status import Status

__all__ = ["Cluster", "ClusterSpec", "Process", "Status", "Wording", "ensure_free"]
_PLACES = {
    "Cluster": "cluster",
    "ClusterSpec": "spec",
    "Process": "processes",
    "Status": "status",
    "Wording": "spec",
    "ensure_free": "ports",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)

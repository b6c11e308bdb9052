"""The embedded cluster: a real Kubernetes on this machine, in namespaces of its own."""

from .cluster import Cluster
from .ports import ensure_free
from .processes import Process
from .spec import ClusterSpec
from .status import Status

__all__ = ["Cluster", "ClusterSpec", "Process", "Status", "ensure_free"]

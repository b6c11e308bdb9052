"""Who may have how much of a cluster's pools, and who goes first: quotas of teams, and priorities."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modules.core.component import Component
from modules.core.labels import Labels
from modules.core.naming import label

from .documents import PRIORITIES, gpu_quota
from .settings import NodesSettings

QUOTA = "accelerators"
"""Name of the ResourceQuota of accelerators: the API server's refusals name it."""
Namespaces = Mapping[str, Sequence[pulumi.Input[str]]]
"""Names of those of each team, by team."""


class Shares(Component):
    """Where nothing brings nodes: see `modules.nodes.cluster.Pools`."""

    def __init__(
        self,
        name: str,
        *,
        settings: NodesSettings,
        namespaces: Namespaces,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        declare_shares(self, settings, namespaces)
        self.register_outputs({})


def declare_shares(component: Component, settings: NodesSettings, namespaces: Namespaces) -> None:
    """Create priorities and quotas as children of a component."""
    _priorities(component)
    for team, given in settings.teams.items():
        for place, each in enumerate(namespaces[team]):
            k8s.core.v1.ResourceQuota(
                f"{component.name}-quota-{team}-{place}",
                metadata=component.meta(QUOTA, component="quota", namespace=each),
                spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=gpu_quota(given, settings.pools)),
                opts=component.child(),
            )


def _priorities(component: Component) -> None:
    """They belong to no namespace: their names begin with the environment's."""
    for purpose, (value, evicts, reason) in PRIORITIES.items():
        k8s.scheduling.v1.PriorityClass(
            f"{component.name}-priority-{purpose}",
            metadata=component.meta(
                label(f"{component.labels.environment}-{purpose}", what="priority class"), component="priority"
            ),
            value=value,
            global_default=False,
            preemption_policy="PreemptLowerPriority" if evicts else "Never",
            description=reason,
            opts=component.child(),
        )

"""A namespace as every namespace is: restricted pods only, no traffic but what a policy allows."""

import pulumi
from pulumi_kubernetes.core.v1 import Namespace as KubernetesNamespace
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from modules.core.component import OURS, Component
from modules.core.contracts import Cluster
from modules.core.labels import Labels
from modules.core.network import allow_dns, deny_all
from modules.core.pods import POD_SECURITY


class Namespace(Component):
    """`name` is the consumer's, `physical_name` the namespace's in the cluster. `protect`: it holds data."""

    namespace: pulumi.Output[str]
    """Its name, known once it is there."""

    def __init__(
        self,
        name: str,
        *,
        physical_name: str,
        cluster: Cluster,
        labels: Labels,
        protect: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        made = KubernetesNamespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(
                name=physical_name,
                labels={**labels.of(name, component="namespace"), **POD_SECURITY},
                annotations=OURS,
            ),
            opts=self.child(protect=protect),
        )
        self.namespace = made.metadata.name
        for role, spec in {"deny-all": deny_all(), "allow-dns": allow_dns(cluster.pod_range)}.items():
            NetworkPolicy(
                f"{name}-{role}",
                metadata=self.meta(role, component="network-policy", namespace=self.namespace),
                spec=spec,
                opts=self.child(),
            )
        self.register_outputs({"namespace": self.namespace})

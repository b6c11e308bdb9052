"""A namespace as every namespace is: restricted pods only and so many, no traffic but to what its consumer uses, and
what all pods trust."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    LimitRange,
    LimitRangeItemArgs,
    LimitRangeSpecArgs,
    ResourceQuota,
    ResourceQuotaSpecArgs,
)
from pulumi_kubernetes.core.v1 import Namespace as KubernetesNamespace
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from modules.core.component import OURS, Component
from modules.core.contracts import Cluster, Reach
from modules.core.labels import POD_SECURITY, Labels
from modules.core.network import allow_dns, allow_reach, deny_all
from modules.core.outside import trust_files, trust_name

from .settings import UNNAMED, QuotaSettings

QUOTA = "groundwork"
"""Name of the ResourceQuota and of the LimitRange: the API server's refusals name them."""


@dataclass(frozen=True, kw_only=True)
class Egress:
    """A service that pods of a namespace use."""

    reach: Reach
    components: Sequence[str] | None
    """Which of its pods; None: all of them."""


class Namespace(Component):
    """`name` is the consumer's, `physical_name` the namespace's in the cluster. `make`: False where the cluster's admin
    made it, and may alone. `egress`: what its pods use, by service. `protect`: it holds data. `pull_secret`: name and
    document (`.dockerconfigjson`) of the Secret by which its pods' images are pulled. `quota`: None
    where its admin alone bounds it."""

    namespace: pulumi.Output[str]
    """Its name, known once it is there, and pods can be started in it."""

    def __init__(
        self,
        name: str,
        *,
        physical_name: str,
        make: bool,
        cluster: Cluster,
        egress: Mapping[str, Egress],
        labels: Labels,
        protect: bool,
        pull_secret: tuple[str, pulumi.Input[str]] | None,
        quota: QuotaSettings | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.namespace = self._made(physical_name, protect) if make else pulumi.Output.from_input(physical_name)
        used = {
            f"allow-to-{service}": allow_reach(each.reach, components=each.components)
            for service, each in egress.items()
        }
        for role, spec in {"deny-all": deny_all(), "allow-dns": allow_dns(cluster.dns), **used}.items():
            NetworkPolicy(
                f"{name}-{role}",
                metadata=self.meta(role, component="network-policy", namespace=self.namespace),
                spec=spec,
                opts=self.child(),
            )
        if cluster.pods.ca is not None:
            self.config_map(
                f"{name}-trust",
                trust_name(cluster.pods.ca),
                files=trust_files(cluster.pods.ca),
                component="trust",
                namespace=self.namespace,
            )
        if quota is not None:
            self.namespace = self._bounded(quota)
        if pull_secret is not None:
            self.namespace = self._with_login(*pull_secret)
        self.register_outputs({"namespace": self.namespace})

    def _bounded(self, quota: QuotaSettings) -> pulumi.Output[str]:
        """Return the namespace, known once all that will run in it is counted."""
        figures = ResourceQuota(
            f"{self.name}-quota",
            metadata=self.meta(QUOTA, component="quota", namespace=self.namespace),
            spec=ResourceQuotaSpecArgs(hard=_hard(quota)),
            opts=self.child(),
        )
        limits = LimitRange(
            f"{self.name}-limits",
            metadata=self.meta(QUOTA, component="quota", namespace=self.namespace),
            spec=LimitRangeSpecArgs(
                limits=[
                    LimitRangeItemArgs(
                        type="Container",
                        default=UNNAMED.limits.model_dump(),
                        default_request=UNNAMED.requests.model_dump(),
                        max=quota.largest.model_dump(),
                    )
                ]
            ),
            opts=self.child(),
        )
        return pulumi.Output.all(self.namespace, figures.metadata.name, limits.metadata.name).apply(
            lambda names: str(names[0])
        )

    def _with_login(self, name: str, document: pulumi.Input[str]) -> pulumi.Output[str]:
        made = self.secret(
            f"{self.name}-{name}",
            name,
            values={".dockerconfigjson": document},
            namespace=self.namespace,
            kind="kubernetes.io/dockerconfigjson",
        )
        return pulumi.Output.all(self.namespace, made.metadata.name).apply(lambda names: str(names[0]))

    def _made(self, physical_name: str, protect: bool) -> pulumi.Output[str]:
        made = KubernetesNamespace(
            f"{self.name}-namespace",
            metadata=ObjectMetaArgs(
                name=physical_name,
                labels={**self.labels.of(self.name, component="namespace"), **POD_SECURITY},
                annotations=OURS,
            ),
            opts=self.child(protect=protect),
        )
        return made.metadata.name


def _hard(quota: QuotaSettings) -> dict[str, str]:
    sides = {"requests": quota.requests, "limits": quota.limits}
    amounts = {f"{side}.{what}": amount for side, given in sides.items() for what, amount in given.model_dump().items()}
    return {"pods": str(quota.pods), **amounts}

"""Karpenter in a cluster of EKS: what it is, what it may do there, and what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as k8s

from modules.core.component import Component, after
from modules.core.contracts import Account, Cluster, Registry
from modules.core.labels import Labels
from modules.core.naming import label
from modules.core.network import allow_api
from modules.core.pods import ACCOUNT_FILES, Container, http_probe, mount, pod, token_volume
from modules.core.settings import resources

from . import rights
from .karpenter import definitions
from .pools import PURPOSE

CONTROLLER = "karpenter"
"""Name of its service account and of its Deployment."""
PROBES = "http"
METRICS_PORT, PROBES_PORT = 8080, 8081
RESOURCES = resources(cpu=("100m", "1"), memory=("256Mi", "1Gi"))
"""With the types and prices of a region, and the pods of a cluster of some hundred nodes."""
CRITICAL = "system-cluster-critical"
"""Kubernetes' own priority class of what the cluster can't be without."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What Karpenter has to know of the account."""

    cluster: str
    """Name of the EKS cluster."""
    region: str
    queue: pulumi.Input[str]
    """Name of the queue of events, known once they arrive in it."""
    reaches_prices: bool
    """Whether AWS's price list can be reached: it is at no endpoint of a network without a way to the internet. Else it
    goes by the prices that it was built with."""


class Karpenter(Component):
    """`surroundings`: see there. `account`: who it is on AWS. `namespace`: where it runs, known once it may do on AWS
    what it must. `image`: of modules/nodes/Containerfile."""

    ready: pulumi.Output[str]
    """Its name, known once it runs: what it reads is declared after that, and is gone before it goes."""

    def __init__(
        self,
        name: str,
        *,
        surroundings: Surroundings,
        account: Account,
        cluster: Cluster,
        namespace: pulumi.Input[str],
        registry: Registry,
        image: str,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.namespace, self.image = namespace, image
        # On nodes that are always there: none that it brings has to be there for it.
        self.cluster = replace(cluster, pods=replace(cluster.pods, node_selector={PURPOSE: "system"}))
        user = self.service_account(
            f"{name}-account",
            CONTROLLER,
            component=CONTROLLER,
            namespace=namespace,
            registry=registry,
            identity=account,
        )
        made = [*self._definitions(), *self._rights(user)]
        k8s.networking.v1.NetworkPolicy(
            f"{name}-allow-api",
            # AWS's endpoints too: they are at the same port.
            metadata=self.meta(f"{CONTROLLER}-allow-api", component="network-policy", namespace=namespace),
            spec=allow_api(self.selector(component=CONTROLLER)),
            opts=self.child(),
        )
        self.ready = self._deployment(after(user, *made), environment(surroundings))
        self.register_outputs({"ready": self.ready})

    def _definitions(self) -> list[pulumi.Output[str]]:
        return [
            k8s.apiextensions.v1.CustomResourceDefinition(
                f"{self.name}-{kind}",
                metadata=self.meta(kind, component="definition"),
                spec=spec,  # pyright: ignore[reportArgumentType]  # a document as it was published
                opts=self.child(),
            ).id
            for kind, spec in definitions().items()
        ]

    def _rights(self, user: pulumi.Output[str]) -> list[pulumi.Output[str]]:
        group = "rbac.authorization.k8s.io"
        physical = label(f"{self.labels.environment}-{CONTROLLER}", what="cluster role")
        subjects = [k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=user, namespace=self.namespace)]
        everywhere = k8s.rbac.v1.ClusterRole(
            f"{self.name}-role",
            metadata=self.meta(physical, component=CONTROLLER),
            rules=rights.in_the_cluster(),
            opts=self.child(),
        )
        inside = k8s.rbac.v1.Role(
            f"{self.name}-role",
            metadata=self.meta(CONTROLLER, component=CONTROLLER, namespace=self.namespace),
            rules=rights.in_its_namespace(),
            opts=self.child(),
        )
        return [
            k8s.rbac.v1.ClusterRoleBinding(
                f"{self.name}-role",
                metadata=self.meta(physical, component=CONTROLLER),
                role_ref=k8s.rbac.v1.RoleRefArgs(api_group=group, kind="ClusterRole", name=_name(everywhere)),
                subjects=subjects,
                opts=self.child(),
            ).id,
            k8s.rbac.v1.RoleBinding(
                f"{self.name}-role",
                metadata=self.meta(CONTROLLER, component=CONTROLLER, namespace=self.namespace),
                role_ref=k8s.rbac.v1.RoleRefArgs(api_group=group, kind="Role", name=_name(inside)),
                subjects=subjects,
                opts=self.child(),
            ).id,
        ]

    def _deployment(self, user: pulumi.Input[str], variables: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        container = Container(
            name=CONTROLLER,
            image=self.image,
            command=[CONTROLLER],
            environment={**variables, "SYSTEM_NAMESPACE": self.namespace},
            resources=RESOURCES,
            ports={"http-metrics": METRICS_PORT, PROBES: PROBES_PORT},
            # It asks for all types and prices of the region first.
            startup=http_probe("/healthz", PROBES, period_seconds=5, failures=36, timeout_seconds=30),
            readiness=http_probe("/readyz", PROBES, timeout_seconds=30),
            liveness=http_probe("/healthz", PROBES, period_seconds=30, timeout_seconds=30),
            mounts=[mount("account", ACCOUNT_FILES)],
        )
        made = k8s.apps.v1.Deployment(
            f"{self.name}-controller",
            metadata=self.meta(CONTROLLER, component=CONTROLLER, namespace=self.namespace),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=self.selector(component=CONTROLLER)),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(cluster=self.cluster, component=CONTROLLER, image=self.image),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=user,
                        containers=[container],
                        volumes=[token_volume("account")],
                        priority_class=CRITICAL,
                    ),
                ),
            ),
            opts=self.child(),
        )
        return _name(made)


def _name(made: k8s.rbac.v1.ClusterRole | k8s.rbac.v1.Role | k8s.apps.v1.Deployment) -> pulumi.Output[str]:
    return made.metadata.apply(lambda metadata: metadata.name or "")


def environment(given: Surroundings) -> dict[str, pulumi.Input[str]]:
    """Return the variables that Karpenter reads, apart from its own namespace."""
    return {
        "AWS_REGION": given.region,
        "CLUSTER_NAME": given.cluster,
        "INTERRUPTION_QUEUE": given.queue,
        "ISOLATED_VPC": "false" if given.reaches_prices else "true",
        # By it Karpenter knows of slices and MIG instances.
        "FEATURE_GATES": "NodeOverlay=true",
        "METRICS_PORT": str(METRICS_PORT),
        "HEALTH_PROBE_PORT": str(PROBES_PORT),
    }

"""What a cluster with Karpenter is given for its pools: Karpenter's own objects, priorities, quotas, and what opens
nodes whose accelerators are there."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modules.core.component import Component, after
from modules.core.contracts import Cluster, Registry
from modules.core.labels import Labels
from modules.core.network import allow_api
from modules.core.pods import ACCOUNT_FILES, Container, command_probe, mount, pod, token_volume
from modules.core.settings import resources

from .karpenter import STARTUP_TAINT, Document, NodeClass, node_class, node_overlay, node_pool, weights
from .settings import NodesSettings, PoolSettings
from .shares import declare_shares

COMPONENT = "nodes"
SCRIPT = "/opt/groundwork/ready.py"
ALIVE = ("python3", SCRIPT, "alive")
OPENER = resources(cpu=("10m", "200m"), memory=("32Mi", "64Mi"))
"""Python, and one list of nodes every five seconds."""


class Pools(Component):
    """`common`: what all nodes have; `instance_profile`: its name, known once nodes may join by it. `karpenter`: known
    once Karpenter runs. `namespace`: where what opens nodes runs; `namespaces`: those of each team, by team. `image`:
    of modules/nodes/Containerfile."""

    def __init__(
        self,
        name: str,
        *,
        settings: NodesSettings,
        common: NodeClass,
        instance_profile: pulumi.Input[str],
        karpenter: pulumi.Input[str],
        cluster: Cluster,
        namespace: pulumi.Input[str],
        namespaces: Mapping[str, Sequence[pulumi.Input[str]]],
        registry: Registry,
        image: str,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.cluster, self.namespace, self.registry, self.image = cluster, namespace, registry, image
        self.karpenter = karpenter
        self.weights = weights(settings.pools)
        for pool_name, pool in settings.pools.items():
            if pool.purpose != "system":
                self._pool(pool_name, pool, common, instance_profile)
        declare_shares(self, settings, namespaces)
        if any(pool.gpu for pool in settings.pools.values()):
            self._opener()
        self.register_outputs({})

    def _pool(self, pool_name: str, pool: PoolSettings, common: NodeClass, instance_profile: pulumi.Input[str]) -> None:
        made = node_class(pool_name, pool, common)
        self._custom(made, {"instanceProfile": instance_profile})
        if overlay := node_overlay(pool_name, pool):
            self._custom(overlay, {})
        self._custom(node_pool(pool_name, pool, weight=self.weights[pool_name]), {})

    def _custom(self, document: Document, known_later: Mapping[str, pulumi.Input[str]]) -> None:
        name = document["metadata"]["name"]
        k8s.apiextensions.CustomResource(
            f"{self.name}-{document['kind'].lower()}-{name}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            # Gone before Karpenter goes, with the nodes that it brought: nobody else would end them.
            metadata=self.meta(after(name, self.karpenter), component=COMPONENT),
            spec={**document["spec"], **known_later},
            opts=self.child(),
        )

    def _opener(self) -> None:
        physical = f"{self.labels.environment}-{COMPONENT}"
        account = self.service_account(
            f"{self.name}-account",
            COMPONENT,
            component=COMPONENT,
            namespace=self.namespace,
            registry=self.registry,
        )
        role = k8s.rbac.v1.ClusterRole(
            f"{self.name}-role",
            metadata=self.meta(physical, component=COMPONENT),
            rules=[k8s.rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=["list", "patch"])],
            opts=self.child(),
        )
        k8s.rbac.v1.ClusterRoleBinding(
            f"{self.name}-role",
            metadata=self.meta(physical, component=COMPONENT),
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io",
                kind="ClusterRole",
                name=role.metadata.apply(lambda metadata: metadata.name or ""),
            ),
            subjects=[k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=account, namespace=self.namespace)],
            opts=self.child(),
        )
        k8s.networking.v1.NetworkPolicy(
            f"{self.name}-allow-api",
            metadata=self.meta(f"{COMPONENT}-allow-api", component="network-policy", namespace=self.namespace),
            spec=allow_api(self.selector(component=COMPONENT)),
            opts=self.child(),
        )
        k8s.apps.v1.Deployment(
            f"{self.name}-opener",
            metadata=self.meta(COMPONENT, component=COMPONENT, namespace=self.namespace),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=self.selector(component=COMPONENT)),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(cluster=self.cluster, component=COMPONENT, image=self.image),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=account,
                        containers=[self._container()],
                        volumes=[token_volume("account")],
                    ),
                ),
            ),
            opts=self.child(),
        )

    def _container(self) -> Container:
        return Container(
            name=COMPONENT,
            image=self.image,
            command=["python3", SCRIPT, STARTUP_TAINT],
            resources=OPENER,
            startup=command_probe(ALIVE, period_seconds=5, failures=12),
            readiness=command_probe(ALIVE, period_seconds=30),
            liveness=command_probe(ALIVE, period_seconds=30),
            mounts=[mount("account", ACCOUNT_FILES)],
        )

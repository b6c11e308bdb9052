"""The serving component: the pinned model behind a Service, and the template that checks a model before its release."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import PodSpecArgs, PodTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from modules.core.component import Component
from modules.core.contracts import Cluster, Identity, ObjectStore, Registry, Route
from modules.core.labels import Labels
from modules.core.naming import service_host
from modules.core.network import (
    allow_egress,
    allow_ingress,
    pods_of,
    published_service,
)
from modules.core.releases import Release
from workloads.documents import (
    CANARY,
    GRPC_PORT,
    PORT,
    PORTS,
    check_template,
    pinned_image,
    server_name,
    serving_account,
)
from workloads.documents import SERVING as COMPONENT
from workloads.manifests import check_pod, job_template, serving_pod
from workloads.settings import Workload, WorkloadSettings

CHECK_DEADLINE_SECONDS = 300
"""For image pull, download and one answer; seconds where the image is there."""

ROLLOUT_SECONDS = 180
"""For a rollout to end, image pull included; then it has failed, and `groundwork release` restores the previous pin."""
CHECK_KEPT_SECONDS = 3600
"""For a person to read its log; the release does not need it any more."""


class Serving(Component):
    """Nothing runs while no release is pinned: there is only the template of the check that comes before a release.

    `image`: today's, of the check; each release runs in the one that it pins, in the same registry.
    `gateway`: the namespace from which requests come. `public_key`: by which the models are known that may serve.
    """

    address: pulumi.Output[str] | None
    """Where pods reach the model: http://host:port; None while nothing is released."""
    ready: pulumi.Output[list[str]]
    """Names of its servers, known once each of them answers."""

    def __init__(
        self,
        name: str,
        *,
        workload: Workload,
        settings: WorkloadSettings,
        registry: Registry,
        image: str,
        namespace: pulumi.Input[str],
        cluster: Cluster,
        store: ObjectStore,
        identity: Identity,
        labels: Labels,
        public_key: pulumi.Input[str],
        release: Release | None,
        gateway: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.namespace = namespace
        self.cluster = cluster
        self.gateway = gateway
        self.image = image
        self.account = serving_account(name)
        self.service_account(
            self.account,
            self.account,
            component=COMPONENT,
            namespace=namespace,
            registry=registry,
            identity=identity.of(name, self.account),
        )
        check = check_pod(
            workload,
            cluster=cluster,
            image=image,
            resources=settings.serving,
            account=self.account,
            store=store,
            public_key=public_key,
        )
        self._declare_check(check)
        self.address = None
        servers: list[pulumi.Output[str]] = []
        if release is not None:
            tried = {CANARY: release.canary.pin} if release.canary else {}
            for component, pin in {COMPONENT: release, **tried}.items():
                pinned = pinned_image(image, pin)
                pod = serving_pod(
                    workload,
                    cluster=cluster,
                    image=pinned,
                    resources=settings.serving,
                    account=self.account,
                    store=store,
                    public_key=public_key,
                    pin=pin,
                )
                # A pin of before trainings signed, or releases pinned their serving image: its pods serve as they are
                # until `up` has released a model that has both.
                kept = [] if pin.complete else ["spec"]
                servers.append(self._declare_server(pod, settings, component, image=pinned, ignore_changes=kept))
            self.address = pulumi.Output.from_input(namespace).apply(
                lambda physical: server_url(name, COMPONENT, physical)
            )
        self.ready = pulumi.Output.all(*servers)
        self.register_outputs({"address": self.address})

    def _declare_check(self, pod: PodSpecArgs) -> None:
        name = check_template(self.name)
        CronJob(
            name,
            metadata=self.meta(name, component="check", namespace=self.namespace),
            spec=job_template(
                pod,
                self.pod_meta(cluster=self.cluster, component="check", image=self.image),
                deadline_seconds=CHECK_DEADLINE_SECONDS,
                retries=0,
                kept_seconds=CHECK_KEPT_SECONDS,
            ),
            opts=self.child(),
        )

    def _declare_server(
        self, pod: PodSpecArgs, settings: WorkloadSettings, component: str, *, image: str, ignore_changes: Sequence[str]
    ) -> pulumi.Output[str]:
        """The server's name, known once it answers."""
        name = server_name(self.name, component)
        pods = self.selector(component=component)
        deployment = Deployment(
            name,
            metadata=self.meta(
                name,
                component=component,
                namespace=self.namespace,
                annotations={"pulumi.com/timeoutSeconds": str(ROLLOUT_SECONDS)},
            ),
            spec=DeploymentSpecArgs(
                replicas=settings.replicas,
                selector=LabelSelectorArgs(match_labels=pods),
                # A new pod answers before an old one goes: a release loses no request, even with one replica.
                strategy=DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1),
                ),
                progress_deadline_seconds=ROLLOUT_SECONDS,
                revision_history_limit=3,
                template=PodTemplateSpecArgs(
                    metadata=self.pod_meta(cluster=self.cluster, component=component, image=image), spec=pod
                ),
            ),
            opts=self.child(ignore_changes=ignore_changes),
        )
        published_service(
            self,
            name,
            name,
            component=component,
            namespace=self.namespace,
            ports=PORTS,
            cluster=self.cluster,
            local_port=settings.local_port if component == COMPONENT else None,
        )
        self._allow_clients(name, component, pods)
        if settings.replicas > 1:  # with one pod a budget could only block the drain of its node
            PodDisruptionBudget(
                name,
                metadata=self.meta(name, component=component, namespace=self.namespace),
                spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=LabelSelectorArgs(match_labels=pods)),
                opts=self.child(),
            )
        return deployment.metadata.name

    def _allow_clients(self, name: str, component: str, pods: Mapping[str, str]) -> None:
        """The gateway may ask the server."""
        for server, port in {name: PORT, f"{name}-grpc": GRPC_PORT}.items():
            NetworkPolicy(
                f"{server}-clients",
                metadata=self.meta(f"{server}-clients", component=component, namespace=self.namespace),
                spec=allow_ingress(pods, peers=[pods_of(self.gateway)], port=port),
                opts=self.child(),
            )
            NetworkPolicy(
                f"{server}-gateway",
                metadata=self.meta(f"allow-{server}", component=component, namespace=self.gateway),
                spec=allow_egress(pods, namespace=self.namespace, port=port),
                opts=self.child(),
            )


def server_url(workload: str, component: str, namespace: str) -> str:
    """Where pods reach it."""
    return f"http://{service_host(server_name(workload, component), namespace)}:{PORT}"


def route(workload: Workload, release: Release, namespace: str) -> Route:
    """From the gateway to the workload's servers: to what serves, and its share to what is tried beside it. A canary of
    weight 0 is in no route, and no canary is asked over gRPC: what it fails to answer could not be asked of another."""
    share = release.canary.weight if release.canary else 0
    shares = {COMPONENT: 100 - share, **({CANARY: share} if share else {})}
    name = workload.name
    return Route(
        name=name,
        title=workload.description,
        servers={server_name(name, component): server_url(name, component, namespace) for component in shares},
        weights={server_name(name, component): weight for component, weight in shares.items()},
        health="/v2/health/ready",
        login=None,
        grpc=f"h2c://{service_host(server_name(name, COMPONENT), namespace)}:{GRPC_PORT}",
    )

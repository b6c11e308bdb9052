"""The gateway on a cluster: the proxy, and beside it in the same pod the landing page."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modules.core.certificates import certificates
from modules.core.component import Component
from modules.core.contracts import Cluster, Entry, Registry, Route, ServedModel, Tracking
from modules.core.labels import Labels
from modules.core.namespaces import NamespaceRef
from modules.core.network import allow_ingress, pods_of
from modules.core.pods import Container, checksum, config_volume, http_probe, mount, pod, secret_volume

from .configuration import CONFIGURATION, SECONDS_PAGE, files
from .documents import (
    CERTIFICATE,
    HTTPS,
    LOGIN,
    METRICS_PORT,
    PORT,
    PORTAL_DOCUMENT,
    PORTAL_PORT,
    ROUTES,
    ROUTING,
    SERVICE,
    TRACKING_LOGIN,
    login_secrets,
    server_names,
)
from .outside import (
    AUTHORITY,
    controller_annotations,
    custom_objects,
    ingress_spec,
    service_annotations,
)
from .settings import GatewaySettings

COMPONENT = "proxy"
ENTRY_SERVICE = "entry"
CERTIFICATE_SECRET = "gateway-certificate"
UNAWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation of what somebody else gives an address, or does not: `groundwork status` says which."""


class Gateway(Component):
    """`routes`: where it leads; each server allows its requests by itself. `models`: shown on the landing page.
    `ready`: what must be known before routes lead to new servers: it is once these answer."""

    def __init__(
        self,
        name: str,
        *,
        settings: GatewaySettings,
        labels: Labels,
        cluster: Cluster,
        entry: Entry,
        registry: Registry,
        image: str,
        namespace: NamespaceRef,
        routes: Sequence[Route],
        models: Sequence[ServedModel],
        tracking: Tracking,
        ready: Sequence[pulumi.Input[object]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.settings = settings
        self.cluster = cluster
        self.entry = entry
        self.registry = registry
        self.image = image
        self.namespace = namespace.ready
        self.logins = login_secrets(routes)
        self.tracking_login = tracking.credentials[name]
        followed = files(
            routes,
            models,
            environment=labels.environment,
            tracking=tracking,
            entry=entry,
            limits=settings.resources.limits,
        )
        k8s.core.v1.ConfigMap(
            f"{name}-routing",
            # One that changes: the proxy follows it while it runs, since a restart could lose requests.
            metadata=self.meta(ROUTING, component=COMPONENT, namespace=self.namespace),
            data=pulumi.Output.all(*ready).apply(lambda _: followed),
            opts=self.child(),
        )
        certificate = self._certificate(routes) if entry.certificate is None else dict[str, pulumi.Output[str]]()
        self._server(checksum(*certificate.values()))
        self._service(namespace.name)
        self._outside(namespace.name, server_names(routes, entry), certificate)
        self.register_outputs({})

    def _certificate(self, routes: Sequence[Route]) -> Mapping[str, pulumi.Output[str]]:
        """Make one of an authority of its own, for all names under which clients reach it. Return what is in it."""
        made = certificates(
            self,
            names=server_names(routes, self.entry),
            addresses=self.entry.addresses,
            authority=f"Groundwork {self.labels.environment}",
        )
        self.secret(f"{self.name}-certificate-secret", CERTIFICATE_SECRET, values=made, namespace=self.namespace)
        return made

    def _server(self, secrets: pulumi.Output[str]) -> None:
        account = self.service_account(
            f"{self.name}-account", SERVICE, component=COMPONENT, namespace=self.namespace, registry=self.registry
        )
        k8s.apps.v1.Deployment(
            f"{self.name}-proxy",
            metadata=self.meta(SERVICE, component=COMPONENT, namespace=self.namespace),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                # A new proxy answers before the old one goes.
                strategy=k8s.apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1),
                ),
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=self.selector(component=COMPONENT)),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(
                        cluster=self.cluster,
                        component=COMPONENT,
                        image=self.image,
                        annotations={"groundwork.dev/checksum": secrets},
                    ),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=account,
                        containers=[self._proxy(), self._portal()],
                        volumes=[
                            config_volume("routing", ROUTING),
                            secret_volume("certificate", self.entry.certificate or CERTIFICATE_SECRET),
                            secret_volume("tracking-login", self.tracking_login),
                            *(secret_volume(secret, secret) for secret in self.logins),
                        ],
                    ),
                ),
            ),
            opts=self.child(),
        )

    def _proxy(self) -> Container:
        followed = [f"{ROUTES}/{SECONDS_PAGE}", CERTIFICATE, *(f"{LOGIN}/{secret}" for secret in self.logins)]
        return Container(
            name="proxy",
            image=self.image,
            command=["python", "/opt/groundwork/follow.py", f"{ROUTES}/{CONFIGURATION}", *followed],
            resources=self.settings.resources,
            ports={"https": PORT, "metrics": METRICS_PORT},
            mounts=[
                mount("routing", ROUTES),
                mount("certificate", CERTIFICATE),
                *(mount(secret, f"{LOGIN}/{secret}") for secret in self.logins),
            ],
            startup=http_probe("/ping", "metrics", period_seconds=1, failures=60),
            readiness=http_probe("/ping", "metrics", period_seconds=5, failures=2),
            liveness=http_probe("/ping", "metrics", period_seconds=20, failures=3),
        )

    def _portal(self) -> Container:
        command = ["python", "/opt/groundwork/portal.py", f"{ROUTES}/{PORTAL_DOCUMENT}", str(PORTAL_PORT)]
        return Container(
            name="portal",
            image=self.image,
            command=command,
            resources=self.settings.portal,
            ports={"portal": PORTAL_PORT},
            startup=http_probe("/live", "portal", period_seconds=1, failures=60),
            readiness=http_probe("/live", "portal", period_seconds=10),
            liveness=http_probe("/live", "portal", period_seconds=20, failures=3),
            mounts=[mount("routing", ROUTES), mount("tracking-login", TRACKING_LOGIN)],
        )

    def _service(self, namespace_name: str) -> None:
        """For the cluster, metrics included; where something else than the cluster publishes the gateway, another one
        beside it, with nothing but HTTPS."""
        inside = self.entry.service_type == "ClusterIP"
        self.service(
            f"{self.name}-service",
            SERVICE,
            component=COMPONENT,
            namespace=self.namespace,
            ports={"https": PORT, "metrics": METRICS_PORT},
            annotations={
                **(self.entry.annotations if inside else {}),
                **service_annotations(self.entry, namespace_name),
            },
        )
        if not inside:
            self._outer_service()
        if not self.entry.forwarded:
            self._admit()

    def _admit(self) -> None:
        """Who forwards a port by way of the Kubernetes API needs no permission of this kind."""
        proxy = self.entry.proxy_namespace
        k8s.networking.v1.NetworkPolicy(
            f"{self.name}-allow-clients",
            metadata=self.meta("allow-clients", component="network-policy", namespace=self.namespace),
            spec=allow_ingress(
                self.selector(component=COMPONENT), peers=None if proxy is None else [pods_of(proxy)], port=PORT
            ),
            opts=self.child(),
        )

    def _outer_service(self) -> None:
        port = self.entry.port or HTTPS
        node_port = port if self.entry.service_type == "NodePort" else None
        k8s.core.v1.Service(
            f"{self.name}-entry",
            metadata=self.meta(
                ENTRY_SERVICE,
                component=COMPONENT,
                namespace=self.namespace,
                annotations={**UNAWAITED, **self.entry.annotations},
            ),
            spec=k8s.core.v1.ServiceSpecArgs(
                type=self.entry.service_type,
                selector=self.selector(component=COMPONENT),
                ports=[k8s.core.v1.ServicePortArgs(name="https", port=port, target_port=PORT, node_port=node_port)],
            ),
            opts=self.child(),
        )

    def _outside(
        self, namespace_name: str, hosts: Sequence[str], certificate: Mapping[str, pulumi.Output[str]]
    ) -> None:
        """What is in front of the gateway."""
        secret = self.entry.certificate or CERTIFICATE_SECRET
        if ingress := self.entry.ingress:
            added = controller_annotations(ingress, self.entry, f"{namespace_name}/{secret}")
            k8s.networking.v1.Ingress(
                f"{self.name}-ingress",
                metadata=self.meta(
                    SERVICE, component=COMPONENT, namespace=self.namespace, annotations={**UNAWAITED, **added}
                ),
                spec=ingress_spec(ingress, hosts),
                opts=self.child(),
            )
        if self.entry.listener and not self.entry.listener.passthrough:
            k8s.core.v1.ConfigMap(
                f"{self.name}-{AUTHORITY}",
                metadata=self.meta(AUTHORITY, component=COMPONENT, namespace=self.namespace),
                data={"ca.crt": certificate["ca.crt"]},
                opts=self.child(),
            )
        for each in custom_objects(self.entry, secret):
            k8s.apiextensions.CustomResource(
                f"{self.name}-{each.role}",
                api_version=each.api_version,
                kind=each.kind,
                metadata=self.meta(each.name, component=COMPONENT, namespace=self.namespace, annotations=UNAWAITED),
                spec=each.spec,
                opts=self.child(),
            )

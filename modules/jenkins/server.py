"""Jenkins on a cluster: the controller with its home on a volume, and the permissions by which it starts agents."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from modules.core.component import CLAIM_TEMPLATES, Component
from modules.core.contracts import Cluster, Registry
from modules.core.images import version_of
from modules.core.labels import VERSION, Labels
from modules.core.naming import hashed
from modules.core.naming import namespace as namespace_of
from modules.core.network import allow_egress, allow_https, allow_ingress, allow_reach, pods_of
from modules.core.outside import OWN_FILE, TRUST, java_options
from modules.core.pods import (
    ACCOUNT_FILES,
    Container,
    checksum,
    config_volume,
    http_probe,
    mount,
    pod,
    secret_volume,
    token_volume,
)
from modules.core.settings import resources
from modules.core.simulation import SIMULATED, SIMULATION_REASON

from .documents import (
    AGENT_PORT,
    CONFIGURATION,
    FILES,
    HTTP_PORT,
    SECRETS,
    SERVICE,
    Images,
    agent_pod,
    configuration,
    files,
)
from .settings import JenkinsSettings

HOME = "/var/jenkins_home"
TRUST_STORE = "/tmp/trusted"
AGENT = "agent"
AGENT_RULES = (
    (["pods"], ["create", "delete", "get", "list", "watch"]),
    (["pods/exec"], ["create", "get"]),
    (["pods/log"], ["get"]),
    (["events"], ["list", "watch"]),
)
"""What the kubernetes plugin does with agents: (resources, verbs), in the namespace and nowhere else."""


class Jenkins(Component):
    """`simulated`: why its images can't run here, for people to read; None where they can. `token`: for the
    repository."""

    def __init__(
        self,
        name: str,
        *,
        settings: JenkinsSettings,
        labels: Labels,
        cluster: Cluster,
        registry: Registry,
        images: Images,
        namespace: pulumi.Input[str],
        token: pulumi.Input[str] | None,
        simulated: str | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.settings = settings
        self.cluster = cluster
        self.registry = registry
        self.images = images
        self.namespace = namespace
        self.simulated = simulated and f"{simulated}. Its configuration and jobs were never loaded by Jenkins."
        password = random.RandomPassword(f"{name}-admin-password", length=40, special=False, opts=self.child()).result
        values: dict[str, pulumi.Input[str]] = {"admin-password": password}
        if token is not None:
            values["github-token"] = token
        secret = self.secret(f"{name}-secrets", SERVICE, values=values, namespace=namespace)
        self._agents()
        self._controller(self._files(), secret, checksum(*values.values()))
        self._traffic()
        self.register_outputs({})

    def _files(self) -> dict[str, str]:
        labels = {
            **self.labels.of(self.name, component=AGENT),
            "app.kubernetes.io/managed-by": SERVICE,
            VERSION: version_of(self.images.steps),
        }
        annotations: dict[str, str] = {}
        if self.simulated is not None:
            labels |= {SIMULATED: "true"}
            annotations |= {SIMULATION_REASON: self.simulated}
        agent = agent_pod(
            self.images, self.settings.agent, cluster=self.cluster, labels=labels, annotations=annotations
        )
        namespace_name = namespace_of(self.labels.environment, self.name)
        return files(self.settings, configuration(self.settings, namespace=namespace_name, agent_pod=agent))

    def _agents(self) -> None:
        """The account that agents run under, with no permissions, and the controller's, which may start them."""
        for account in (SERVICE, f"{SERVICE}-{AGENT}"):
            self.service_account(
                f"{account}-account", account, component="server", namespace=self.namespace, registry=self.registry
            )
        meta = self.meta(f"{SERVICE}-agents", component="server", namespace=self.namespace)
        k8s.rbac.v1.Role(
            f"{self.name}-agents-role",
            metadata=meta,
            rules=[
                k8s.rbac.v1.PolicyRuleArgs(api_groups=[""], resources=kinds, verbs=verbs)
                for kinds, verbs in AGENT_RULES
            ],
            opts=self.child(),
        )
        k8s.rbac.v1.RoleBinding(
            f"{self.name}-agents-binding",
            metadata=meta,
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="Role", name=f"{SERVICE}-agents"
            ),
            subjects=[k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=SERVICE, namespace=self.namespace)],
            opts=self.child(),
        )

    def _controller(self, content: Mapping[str, str], secret: k8s.core.v1.Secret, secrets: pulumi.Output[str]) -> None:
        config_map = self.config_map(
            f"{self.name}-configuration",
            hashed(SERVICE, dict(content)),
            files=dict(content),
            component="server",
            namespace=self.namespace,
        )
        selector = self.selector(component="server")
        self.service(
            f"{self.name}-service",
            SERVICE,
            component="server",
            namespace=self.namespace,
            ports={"http": HTTP_PORT, "agents": AGENT_PORT},
        )
        claim = self.volume_claim(
            "home",
            stateful_set=SERVICE,
            size=self.settings.volume,
            storage_class=self.cluster.storage_class,
            namespace=self.namespace,
        )
        k8s.apps.v1.StatefulSet(
            f"{self.name}-server",
            metadata=self.meta(SERVICE, component="server", namespace=self.namespace),
            spec=k8s.apps.v1.StatefulSetSpecArgs(
                replicas=1,
                service_name=SERVICE,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(
                        cluster=self.cluster,
                        component="server",
                        image=self.images.controller,
                        annotations={"groundwork.dev/checksum": secrets},
                        simulated=self.simulated,
                    ),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=SERVICE,
                        init_containers=[*self._trust_containers(), self._plugins_container()],
                        containers=[self._server_container()],
                        volumes=[
                            config_volume("configuration", config_map.metadata.name),
                            secret_volume("secrets", secret.metadata.name),
                            token_volume("token"),
                        ],
                        grace_seconds=60,
                        simulated=self.simulated is not None,
                    ),
                ),
                volume_claim_templates=[claim],
            ),
            opts=self.child(ignore_changes=[CLAIM_TEMPLATES]),
        )

    def _trust_containers(self) -> list[Container]:
        """Makes the file of certificates that Java reads, where there are any that it doesn't know."""
        if self.cluster.pods.ca is None:
            return []
        make = Container(
            name="trust",
            image=self.images.controller,
            command=["sh", "-c", (FILES / "trust.sh").read_text()],
            environment={"OWN": f"{TRUST}/{OWN_FILE}", "TRUST_STORE": TRUST_STORE},
            resources=resources(cpu=("50m", "1"), memory=("64Mi", "256Mi")),
        )
        return [make]

    def _java_variables(self) -> dict[str, str]:
        options = java_options(self.cluster, TRUST_STORE)
        return {"JAVA_TOOL_OPTIONS": " ".join(options)} if options else {}

    def _plugins_container(self) -> Container:
        """Brings the plugins of plugins.txt into the home, before the controller starts."""
        return Container(
            name="plugins",
            image=self.images.controller,
            command=[
                "jenkins-plugin-cli",
                f"--plugin-file={CONFIGURATION}/plugins.txt",
                f"--plugin-download-directory={HOME}/plugins",
                "--latest=false",
            ],
            environment={"CACHE_DIR": "/tmp/plugins", "HOME": "/tmp", **self._java_variables()},
            resources=resources(cpu=("50m", "1"), memory=("256Mi", "512Mi")),
            mounts=[mount("home", HOME, writable=True), mount("configuration", CONFIGURATION)],
        )

    def _server_container(self) -> Container:
        return Container(
            name="jenkins",
            image=self.images.controller,
            environment={
                "CASC_JENKINS_CONFIG": f"{CONFIGURATION}/jenkins.yaml",
                "HOME": HOME,
                "JAVA_OPTS": "-XX:MaxRAMPercentage=50 -Djenkins.install.runSetupWizard=false",
                "JENKINS_HOME": HOME,
                **self._java_variables(),
            },
            resources=self.settings.resources,
            ports={"http": HTTP_PORT, "agents": AGENT_PORT},
            mounts=[
                mount("home", HOME, writable=True),
                mount("configuration", CONFIGURATION),
                mount("secrets", SECRETS),
                mount("token", ACCOUNT_FILES),
            ],
            # The first start unpacks the archive and migrates the home.
            startup=http_probe("/login", "http", period_seconds=5, failures=120),
            readiness=http_probe("/login", "http", period_seconds=10),
            liveness=http_probe("/login", "http", period_seconds=20, failures=6, timeout_seconds=10),
        )

    def _traffic(self) -> None:
        """Agents reach the controller at both its ports; both reach the API server, Git and the update center."""
        server = self.selector(component="server")
        proxy = self.cluster.pods.proxy
        policies = {
            "allow-https": allow_https(self.cluster.pod_range),
            **{f"allow-to-proxy-{each.port}": allow_reach(each) for each in (proxy.reach if proxy else ())},
            **{
                f"allow-{role}-{port}": spec
                for port in (HTTP_PORT, AGENT_PORT)
                for role, spec in {
                    "agents": allow_ingress(server, peers=[pods_of(self.namespace)], port=port),
                    "controller": allow_egress(server, namespace=self.namespace, port=port),
                }.items()
            },
        }
        for role, spec in policies.items():
            k8s.networking.v1.NetworkPolicy(
                f"{self.name}-{role}",
                metadata=self.meta(role, component="network-policy", namespace=self.namespace),
                spec=spec,
                opts=self.child(),
            )

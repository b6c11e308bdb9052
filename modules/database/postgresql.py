"""PostgreSQL on a cluster of its own: one server, and a Job that gives each consumer its role and database."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from modules.core.access import database_variables
from modules.core.certificates import INTERNAL_HOURS, INTERNAL_RENEWAL_HOURS, certificates
from modules.core.component import CLAIM_TEMPLATES, Component
from modules.core.contracts import Cluster, Consumer, Database, Reach, Registry
from modules.core.labels import Labels, selector
from modules.core.naming import hashed, service_host
from modules.core.network import admit_clients
from modules.core.pods import (
    Container,
    checksum,
    command_probe,
    config_volume,
    mount,
    pod,
    secret_volume,
)

from .consumers import CA, CLIENT_SECRET, Server, client_secret, consumers_job
from .documents import CERTIFICATE, CONFIGURATION, PORT, configuration
from .settings import DatabaseSettings

SERVICE = "postgresql"
DATA = "/var/lib/postgresql"
SUPERUSER = "/var/run/groundwork/superuser"


def database(name: str, namespace: str, consumers: Mapping[str, Consumer]) -> Database:
    """Return the contract with the clients of the server of that name and namespace."""
    wanting = [client for client, consumer in sorted(consumers.items()) if consumer.database]
    return Database(
        host=service_host(SERVICE, namespace),
        reach=Reach(port=PORT, namespace=namespace, labels=selector(name, component="server")),
        databases={client: client for client in wanting},
        credentials=dict.fromkeys(wanting, CLIENT_SECRET),
        tls=True,
        ca=CA,
    )


class PostgreSQL(Component):
    """`namespaces`: of each consumer, by consumer; its credentials are put there. `contract`: what `database` says.
    `components`: by consumer, which of its pods may connect; where it is not there, all of them. `limits`: see
    `connection_limits`."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has a database, known once its credentials are in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: DatabaseSettings,
        labels: Labels,
        cluster: Cluster,
        contract: Database,
        registry: Registry,
        image: str,
        namespace: pulumi.Input[str],
        namespaces: Mapping[str, pulumi.Input[str]],
        components: Mapping[str, Sequence[str]],
        limits: Mapping[str, int],
        protect: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.settings = settings
        self.cluster = cluster
        self.registry = registry
        self.image = image
        self.namespace = namespace
        self.protect = protect
        clients = {client: namespaces[client] for client in contract.databases}
        assert contract.host is not None
        certificate = self._certificate(contract.host)
        superuser = self._secret(
            "superuser",
            "superuser",
            namespace,
            {"password": self._password("superuser", protect=protect), CA: certificate[CA]},
        )
        passwords = {client: self._password(client, protect=False) for client in clients}
        self._server(superuser, certificate)
        consumers_job(
            self,
            server=Server(
                host=contract.host,
                port=PORT,
                administrator="postgres",
                variables=database_variables(contract),
                limits=limits,
            ),
            passwords=passwords,
            administrator=superuser,
            cluster=cluster,
            image=image,
            registry=registry,
            namespace=namespace,
        )
        secrets = {
            client: client_secret(
                self,
                client,
                role=client,
                database=client,
                password=passwords[client],
                host=contract.host,
                port=PORT,
                namespace=client_namespace,
                ca=certificate[CA],
            )
            for client, client_namespace in clients.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        admit_clients(
            self,
            component="server",
            namespace=namespace,
            port=PORT,
            clients={**clients, name: namespace},
            components=components,
        )
        self.register_outputs({})

    def _password(self, holder: str, *, protect: bool) -> pulumi.Output[str]:
        """protect: the server keeps it in its data, so that another one would lock everybody out."""
        return random.RandomPassword(
            f"{self.name}-{holder}-password", length=40, special=False, opts=self.child(protect=protect)
        ).result

    def _certificate(self, host: str) -> Mapping[str, pulumi.Output[str]]:
        """Make that of the server, for the host by which its clients know it. Return what is in it."""
        return certificates(
            self,
            names=[SERVICE, host],  # the first one is the common name, which has 64 characters at most
            authority="Groundwork database",
            hours=INTERNAL_HOURS,
            renewal_hours=INTERNAL_RENEWAL_HOURS,
        )

    def _secret(
        self, role: str, physical_name: str, namespace: pulumi.Input[str], values: Mapping[str, pulumi.Input[str]]
    ) -> k8s.core.v1.Secret:
        return self.secret(f"{self.name}-{role}", physical_name, values=values, namespace=namespace)

    def _account(self, role: str) -> pulumi.Output[str]:
        return self.service_account(
            f"{self.name}-{role}-account",
            f"{self.name}-{role}",
            component=role,
            namespace=self.namespace,
            registry=self.registry,
        )

    def _server(self, superuser: k8s.core.v1.Secret, certificate: Mapping[str, pulumi.Output[str]]) -> None:
        shown = self._secret("certificate", "certificate", self.namespace, certificate)
        files = configuration(self.settings)
        config_map = self.config_map(
            f"{self.name}-configuration",
            hashed(self.name, files),
            files=files,
            component="server",
            namespace=self.namespace,
        )
        selector = self.selector(component="server")
        self.service(
            f"{self.name}-service", SERVICE, component="server", namespace=self.namespace, ports={"postgresql": PORT}
        )
        claim = self.volume_claim(
            "data",
            stateful_set=f"{self.name}-server",
            size=self.settings.volume,
            storage_class=self.cluster.storage_class,
            namespace=self.namespace,
            protect=self.protect,
        )
        k8s.apps.v1.StatefulSet(
            f"{self.name}-server",
            metadata=self.meta(f"{self.name}-server", component="server", namespace=self.namespace),
            spec=k8s.apps.v1.StatefulSetSpecArgs(
                replicas=1,
                service_name=SERVICE,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(
                        cluster=self.cluster,
                        component="server",
                        image=self.image,
                        annotations={"groundwork.dev/checksum": checksum(*certificate.values())},
                    ),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=self._account("server"),
                        containers=[self._server_container()],
                        volumes=[
                            config_volume("configuration", config_map.metadata.name),
                            secret_volume("superuser", superuser.metadata.name),
                            secret_volume("certificate", shown.metadata.name),
                        ],
                        grace_seconds=60,
                    ),
                ),
                volume_claim_templates=[claim],
            ),
            opts=self.child(protect=self.protect, ignore_changes=[CLAIM_TEMPLATES]),
        )

    def _server_container(self) -> Container:
        answers = ["pg_isready", "--quiet", "--host=/tmp"]
        return Container(
            name="postgresql",
            image=self.image,
            command=["sh", "/opt/groundwork/start.sh"],
            environment={"PGDATA": f"{DATA}/data", "CONFIGURATION": CONFIGURATION, "SUPERUSER": SUPERUSER},
            resources=self.settings.resources,
            ports={"postgresql": PORT},
            mounts=[
                mount("data", DATA, writable=True),
                mount("configuration", CONFIGURATION),
                mount("superuser", SUPERUSER),
                mount("certificate", CERTIFICATE),
            ],
            # Recovery after a hard stop may take minutes; pg_isready fails until it is over.
            startup=command_probe(answers, period_seconds=2, failures=150),
            readiness=command_probe(answers, period_seconds=10),
            liveness=command_probe(answers, period_seconds=30, failures=4),
            # SIGINT: sessions are ended at once, the data is written out.
            lifecycle=k8s.core.v1.LifecycleArgs(
                pre_stop=k8s.core.v1.LifecycleHandlerArgs(
                    exec_=k8s.core.v1.ExecActionArgs(command=["pg_ctl", "stop", "--mode=fast", f"--pgdata={DATA}/data"])
                )
            ),
        )

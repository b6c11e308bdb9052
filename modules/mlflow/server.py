"""The tracking server on a cluster: runs and the registry in its database, files in its bucket."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modules.core.access import DATABASE, database_variables, store_access
from modules.core.component import Component
from modules.core.contracts import Cluster, Database, Identity, ObjectStore, Registry, Tracking
from modules.core.labels import Labels
from modules.core.naming import service_host
from modules.core.network import allow_clients, published_service
from modules.core.pods import Container, checksum, http_probe, mount, pod, scratch_volume, secret_volume

from .accounts import create_accounts
from .documents import ACCOUNTS_SECRET, LOGIN_SECRET
from .settings import MlflowSettings

SERVICE = "mlflow"
CONSUMER = "mlflow"
"""Name of this service in the object store and the database."""
PORT = 5000
POOL = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "2"}
"""Connections of each of its two stores, runs and registry: together below what its role may have at once
(`Consumer.connections`), so that a request waits for one where it would be refused."""
TRANSIT, TRANSIT_SIZE = "/var/spool/groundwork", "16Gi"
"""Where files lie while they pass through the server, whole, and the most of them at once: models have gigabytes. It is
space of the node that is taken only as it is used."""
ACCOUNTS = "/var/run/groundwork/accounts"
"""Where the server finds its accounts."""


def tracking(namespace: str, store: ObjectStore, clients: Iterable[str]) -> Tracking:
    """Return the contract with these clients of the server in that namespace."""
    return Tracking(
        url=f"http://{service_host(SERVICE, namespace)}:{PORT}",
        namespace=namespace,
        artifacts=store.address("artifacts", "mlflow"),
        credentials=dict.fromkeys(clients, LOGIN_SECRET),
    )


def allowed_hosts(namespace: str, local_port: int | None) -> list[str]:
    """The Host headers that the server answers to: its Service's names, each with and without the port, and where it
    is published. Anything else is refused, which stops web pages that resolve their own name to it."""
    short, middle = f"{SERVICE}.{namespace}", f"{SERVICE}.{namespace}.svc"
    names = (SERVICE, short, middle, service_host(SERVICE, namespace))
    local = () if local_port is None else (f"localhost:{local_port}", f"127.0.0.1:{local_port}")
    return [*names, *(f"{name}:{PORT}" for name in names), *local]


def options(contract: Tracking, local_port: int | None, origins: Sequence[str]) -> list[str]:
    """What `mlflow server` is given. One worker: each takes 270 MiB, and a second one would serve nobody here."""
    cors = [f"--cors-allowed-origins={','.join(origins)}"] if origins else []
    return [
        *cors,
        # files/groundwork_accounts.py, which asks every caller for a login.
        "--app-name=groundwork",
        "--host=0.0.0.0",
        f"--port={PORT}",
        "--workers=1",
        "--serve-artifacts",
        f"--artifacts-destination={contract.artifacts}",
        f"--allowed-hosts={','.join(allowed_hosts(contract.namespace, local_port))}",
    ]


def model_sources(artifacts: str) -> str:
    """Return what the source of a model's version has to match: a model that MLflow logged, or files of its own."""
    return rf"^(models:/|mlflow-artifacts:/(?!/)|{re.escape(artifacts)}/)"


class Mlflow(Component):
    """`contract`: what `tracking` says. `clients`: the namespaces that may talk to the server, by client;
    `components`: which of their pods, where not all; `models`: which experiments and registered models they write.
    `origins`: the addresses at which browsers open it elsewhere than at its own port."""

    def __init__(
        self,
        name: str,
        *,
        settings: MlflowSettings,
        labels: Labels,
        cluster: Cluster,
        contract: Tracking,
        store: ObjectStore,
        database: Database,
        identity: Identity,
        registry: Registry,
        image: str,
        namespace: pulumi.Input[str],
        clients: Mapping[str, pulumi.Input[str]],
        components: Mapping[str, Sequence[str]],
        models: Mapping[str, Sequence[str]],
        origins: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        selector = self.selector(component="server")
        account = self.service_account(
            f"{name}-account",
            SERVICE,
            component="server",
            namespace=namespace,
            registry=registry,
            identity=identity.of(CONSUMER, SERVICE),
        )
        published_service(
            self,
            f"{name}-service",
            SERVICE,
            component="server",
            namespace=namespace,
            ports={"http": PORT},
            cluster=cluster,
            local_port=settings.local_port,
        )
        accounts = create_accounts(self, namespace=namespace, clients=clients, models=models)
        k8s.apps.v1.Deployment(
            f"{name}-server",
            metadata=self.meta(SERVICE, component="server", namespace=namespace),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                # Never two at once: the newer one may change the database's tables under the older one.
                strategy=k8s.apps.v1.DeploymentStrategyArgs(type="Recreate"),
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=selector),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(
                        cluster=cluster,
                        component="server",
                        image=image,
                        annotations={"groundwork.dev/checksum": checksum(accounts)},
                    ),
                    spec=pod(
                        cluster=cluster,
                        service_account=account,
                        containers=[
                            _container(settings, contract, store=store, database=database, image=image, origins=origins)
                        ],
                        volumes=[
                            *store_access(store, CONSUMER).volumes,
                            secret_volume("database", database.credentials[CONSUMER]),
                            secret_volume("accounts", ACCOUNTS_SECRET),
                            scratch_volume("transit", size=TRANSIT_SIZE),
                        ],
                    ),
                ),
            ),
            opts=self.child(),
        )
        allow_clients(self, component="server", namespace=namespace, port=PORT, clients=clients, components=components)
        self.register_outputs({})


def _container(
    settings: MlflowSettings,
    contract: Tracking,
    *,
    store: ObjectStore,
    database: Database,
    image: str,
    origins: Sequence[str],
) -> Container:
    access = store_access(store, CONSUMER)
    endpoint = {} if store.endpoint is None else {"MLFLOW_S3_ENDPOINT_URL": store.endpoint}
    return Container(
        name="mlflow",
        image=image,
        command=["python", "/opt/groundwork/server.py"],
        args=options(contract, settings.local_port, origins),
        environment={
            "DATABASE_URI_FILE": f"{DATABASE}/uri",
            **database_variables(database),
            **POOL,
            **access.variables,
            "AWS_REGION": store.region,
            "ACCOUNTS_FILE": f"{ACCOUNTS}/accounts.json",
            "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX": model_sources(contract.artifacts),
            **endpoint,
            # The job engine, for evaluations by language models, would be three more processes.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TMPDIR": TRANSIT,
        },
        resources=settings.resources,
        ports={"http": PORT},
        mounts=[
            *access.mounts,
            mount("database", DATABASE),
            mount("accounts", ACCOUNTS),
            mount("transit", TRANSIT, writable=True),
        ],
        # It waits two minutes for its database, then makes or migrates its tables and imports for ten seconds.
        startup=http_probe("/health", "http", period_seconds=2, failures=120),
        readiness=http_probe("/health", "http", period_seconds=5),
        liveness=http_probe("/health", "http", period_seconds=20, failures=6, timeout_seconds=10),
    )

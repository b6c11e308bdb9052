"""The object store on a cluster of its own: one SeaweedFS server with master, volume server, filer and S3 gateway."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from modules.core.component import CLAIM_TEMPLATES, Component
from modules.core.contracts import Cluster, Consumer, ObjectStore, Reach, Registry
from modules.core.labels import Labels, selector
from modules.core.naming import canonical_json, hashed, service_host
from modules.core.network import admit_clients, published_service
from modules.core.pods import (
    Container,
    checksum,
    config_volume,
    http_probe,
    mount,
    pod,
    secret_volume,
)
from modules.core.quantities import size_bytes
from modules.core.settings import resources

from .credentials import CLIENT_SECRET, credentials_secret
from .documents import KeyPair, bucket_document, consumer_policy, identities, security_toml
from .settings import StorageSettings

SERVICE = "storage"
PORT = 8333
REGION = "us-east-1"
"""SeaweedFS has no regions, but signatures name one."""
ADMIN_SECRET = "s3-admin"
DATA, SERVER_FILES, JOB_FILES = "/data", "/etc/seaweedfs", "/etc/groundwork"
CREDENTIALS = "/var/run/groundwork/s3"
BUCKETS_SCRIPT = "/opt/groundwork/buckets.py"


def object_store(
    name: str, namespace: str, buckets: Mapping[str, str], consumers: Mapping[str, Consumer]
) -> ObjectStore:
    """Return the contract with the clients of the server of that name and namespace. `buckets`: name by role."""
    return ObjectStore(
        endpoint=f"http://{service_host(SERVICE, namespace)}:{PORT}",
        reach=Reach(port=PORT, namespace=namespace, labels=selector(name, component="server")),
        region=REGION,
        buckets=dict(buckets),
        credentials={client: CLIENT_SECRET for client, consumer in sorted(consumers.items()) if consumer.buckets},
    )


def server_command(memory_limit: str) -> list[str]:
    """Only the S3 gateway listens beyond the pod; caches are small against the memory limit; nothing is reported to
    anyone. Buckets are made by the Job alone."""
    readers = size_bytes(memory_limit) // 2**20 // 8
    options = {
        "dir": DATA,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        # Alone as it is, it would wait ten seconds for other candidates before it leads.
        "master.electionTimeout": "500ms",
        "master.heartbeatInterval": "100ms",
        "master.volumeSizeLimitMB": "256",
        "volume.max": "0",
        "volume.index": "leveldb",
        "volume.preStopSeconds": "1",
        "filer": "true",
        "filer.exposeDirectoryData": "false",
        "s3": "true",
        "s3.ip.bind": "0.0.0.0",
        "s3.port": str(PORT),
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.config": f"{SERVER_FILES}/s3.json",
        "s3.iam": "false",
        "s3.autoCreateBucket": "false",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.readerCacheSizeMB": str(readers),
    }
    return ["weed", "-logtostderr=true", "server", *(f"-{key}={value}" for key, value in options.items())]


class SeaweedFS(Component):
    """`namespaces`: of each consumer, by consumer; its key pair is put there. `contract`: what `object_store` says."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has buckets, known once its key pair is in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: StorageSettings,
        labels: Labels,
        cluster: Cluster,
        contract: ObjectStore,
        registry: Registry,
        image: str,
        namespace: pulumi.Input[str],
        consumers: Mapping[str, Consumer],
        namespaces: Mapping[str, pulumi.Input[str]],
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
        buckets = contract.buckets
        clients = {client: namespaces[client] for client in contract.credentials}
        administrator = self._key_pair("admin")
        keys = {client: self._key_pair(client) for client in clients}
        policies = {client: consumer_policy(consumers[client], buckets) for client in clients}
        self._server(self._server_files(administrator, keys, policies))
        admin_secret = credentials_secret(self, "admin", ADMIN_SECRET, keys=administrator, namespace=namespace)
        self._buckets_job(admin_secret, contract)
        secrets = {
            client: credentials_secret(self, client, CLIENT_SECRET, keys=keys[client], namespace=client_namespace)
            for client, client_namespace in clients.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        admit_clients(
            self,
            component="server",
            namespace=namespace,
            port=PORT,
            clients={**clients, name: namespace},
            components={},
        )
        self.register_outputs({})

    def _key_pair(self, holder: str) -> pulumi.Output[KeyPair]:
        identifier = random.RandomString(
            f"{self.name}-{holder}-key-id", length=20, special=False, lower=False, opts=self.child()
        )
        secret = random.RandomPassword(f"{self.name}-{holder}-key", length=40, special=False, opts=self.child())
        return pulumi.Output.all(identifier.result, secret.result).apply(
            lambda pair: KeyPair(accessKey=pair[0], secretKey=pair[1])
        )

    def _server_files(
        self,
        administrator: pulumi.Output[KeyPair],
        keys: Mapping[str, pulumi.Output[KeyPair]],
        policies: Mapping[str, Mapping[str, object]],
    ) -> dict[str, pulumi.Output[str]]:
        # Without it nobody reads again what was stored.
        key_encryption_key = random.RandomBytes(f"{self.name}-kek", length=32, opts=self.child(protect=self.protect))
        internal = [
            random.RandomPassword(f"{self.name}-{role}-signing", length=40, special=False, opts=self.child()).result
            for role in ("volume", "filer")
        ]
        return {
            "s3.json": pulumi.Output.all(administrator, dict(keys)).apply(
                lambda known: identities(known[0], {name: (pair, policies[name]) for name, pair in known[1].items()})
            ),
            "security.toml": pulumi.Output.all(key_encryption_key.hex, *internal).apply(
                lambda generated: security_toml(*generated)
            ),
        }

    def _account(self, role: str) -> pulumi.Output[str]:
        return self.service_account(
            f"{self.name}-{role}-account",
            f"{self.name}-{role}",
            component=role,
            namespace=self.namespace,
            registry=self.registry,
        )

    def _server(self, files: Mapping[str, pulumi.Output[str]]) -> None:
        secret = self.secret(
            f"{self.name}-server-files",
            f"{self.name}-server",
            values=files,
            namespace=self.namespace,
            component="server",
        )
        selector = self.selector(component="server")
        published_service(
            self,
            f"{self.name}-service",
            SERVICE,
            component="server",
            namespace=self.namespace,
            ports={"s3": PORT},
            cluster=self.cluster,
            local_port=self.settings.local_port,
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
                        annotations={"groundwork.dev/checksum": checksum(*files.values())},
                    ),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=self._account("server"),
                        containers=[self._server_container()],
                        volumes=[secret_volume("files", secret.metadata.name)],
                    ),
                ),
                volume_claim_templates=[claim],
            ),
            opts=self.child(protect=self.protect, ignore_changes=[CLAIM_TEMPLATES]),
        )

    def _server_container(self) -> Container:
        limit = self.settings.resources.limits.memory
        return Container(
            name="seaweedfs",
            image=self.image,
            command=server_command(limit),
            # Go collects garbage harder when it comes near this, before the limit ends it.
            environment={"GOMEMLIMIT": str(size_bytes(limit) * 4 // 5)},
            resources=self.settings.resources,
            ports={"s3": PORT},
            mounts=[mount("data", DATA, writable=True), mount("files", SERVER_FILES)],
            startup=http_probe("/status", "s3", period_seconds=2, failures=60),
            readiness=http_probe("/status", "s3", period_seconds=5),
            liveness=http_probe("/status", "s3", period_seconds=20, failures=6),
        )

    def _buckets_job(self, credentials: k8s.core.v1.Secret, contract: ObjectStore) -> None:
        document = bucket_document(self.settings.buckets, contract.buckets)
        job_name = hashed(f"{self.name}-buckets", document)
        described = self.config_map(
            f"{self.name}-bucket-document",
            job_name,
            files={"buckets.json": canonical_json(document)},
            component="buckets",
            namespace=self.namespace,
        )
        k8s.batch.v1.Job(
            f"{self.name}-buckets",
            metadata=self.meta(job_name, component="buckets", namespace=self.namespace),
            spec=k8s.batch.v1.JobSpecArgs(
                backoff_limit=4,
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=self.pod_meta(cluster=self.cluster, component="buckets", image=self.image),
                    spec=pod(
                        cluster=self.cluster,
                        service_account=self._account("buckets"),
                        restart_policy="Never",
                        containers=[self._buckets_container(contract)],
                        volumes=[
                            config_volume("document", described.metadata.name),
                            secret_volume("credentials", credentials.metadata.name),
                        ],
                    ),
                ),
            ),
            opts=self.child(),
        )

    def _buckets_container(self, contract: ObjectStore) -> Container:
        return Container(
            name="buckets",
            image=self.image,
            command=["python", BUCKETS_SCRIPT, f"{JOB_FILES}/buckets.json"],
            environment={
                # Its whole name, which no proxy is asked for.
                **({} if contract.endpoint is None else {"AWS_ENDPOINT_URL_S3": contract.endpoint}),
                "AWS_REGION": REGION,
                "AWS_SHARED_CREDENTIALS_FILE": f"{CREDENTIALS}/credentials",
            },
            resources=resources(cpu=("10m", "1"), memory=("64Mi", "192Mi")),
            mounts=[mount("document", JOB_FILES), mount("credentials", CREDENTIALS)],
        )

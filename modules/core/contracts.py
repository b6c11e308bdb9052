"""What modules know of each other. Plain frozen data: each contract passes through a StackReference unchanged.

A contract carries the names of Secrets, never their values, so that no secret crosses from one stack to another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEME = "s3"
"""Of every address in the object store."""
BucketRole = Literal["raw", "features", "artifacts", "logs"]
ROLES: tuple[BucketRole, ...] = ("raw", "features", "artifacts", "logs")
Layer = Literal["raw", "curated", "features"]
"""Of the lake's tables: as it came, checked, and as it is trained on."""
LAYERS: Mapping[Layer, BucketRole] = {"raw": "raw", "curated": "features", "features": "features"}
"""In which bucket the tables of each layer are."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where connections to a service arrive: the network policies of those who use it let out exactly these."""

    port: int
    ranges: Sequence[str] = ()
    """CIDRs of its addresses, where it is not in pods of this cluster, or not only."""
    namespace: str | None = None
    """Of its pods; None where it has none in this cluster."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its pods."""


IMAGE_USER = 10001
"""User and group that the images name: modules/registry/base."""


@dataclass(frozen=True, kw_only=True)
class Toleration:
    """A taint that pods may ignore, in the words of a pod's specification."""

    key: str
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """None: any."""
    seconds: int | None = None
    """How long a pod stays on a node with the taint; None: as long as it runs."""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """The way of pods to what is outside of the cluster. What is inside never takes it."""

    http: str | None = None
    """URL of the proxy for http://, None where there is none; so is `https`."""
    https: str | None = None
    reach: Sequence[Reach]
    """One for each port of theirs."""
    exempt: Sequence[str] = ()
    """Hosts, domains and CIDRs outside of the cluster that are reached without it."""


@dataclass(frozen=True, kw_only=True)
class PodRules:
    """What all pods on a cluster have in common, whatever runs in them."""

    user: int | None = IMAGE_USER
    """User and group of all containers, and the group of their volumes. None: left to the cluster, which gives every
    namespace its own, as OpenShift does."""
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: Sequence[Toleration] = ()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside the platform's own, as are the annotations."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """None: Kubernetes' own, which pulls an image that is named by digest where the node has none of it."""
    proxy: Proxy | None = None
    ca: str | None = None
    """Certificates (PEM) of authorities that pods trust beside the public ones."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Kubernetes cluster that workloads can be placed on."""

    name: str
    """Physical name: the kubeconfig context and the provider's cluster_identifier."""
    pod_range: str | None
    """CIDR of pod addresses; None where it is unknown."""
    dns: Reach
    """The name servers that pods ask."""
    storage_class: str | None
    """StorageClass for persistent volumes; None: the cluster's default."""
    publisher: str | None
    """CIDR from which connections to published local ports reach the pods; None where none are published."""
    pods: PodRules = PodRules()
    """Of all pods on it."""
    admission_policies: bool = True
    """Whether the platform may declare policies for the cluster's API server, which belong to no namespace."""


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """An S3 API, the platform's buckets in it, and where a client finds its credentials."""

    endpoint: str | None
    """URL of the S3 API; None is the cloud's own."""
    reach: Reach
    region: str
    buckets: Mapping[str, str]
    """Bucket name by role (raw, features, artifacts, logs)."""
    credentials: Mapping[str, str]
    """Secret name by consumer, in the consumer's namespace; keys access-key-id, secret-access-key, credentials
    (an AWS shared credentials file). A consumer that is absent uses the identities of its service accounts."""
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    """What all keys of a role begin with, by role: of a bucket that is not the platform's alone."""
    ca: str | None = None
    """Key of those Secrets with the PEM file of the CA that the store's certificate is of; None: a public one."""

    def address(self, role: BucketRole, key: str) -> str:
        """Return the address of an object, or of what lies below a prefix, in the bucket of a role."""
        return f"{SCHEME}://{self.buckets[role]}/{self.prefixes.get(role, '')}{key}"


@dataclass(frozen=True, kw_only=True)
class TableCatalog:
    """A catalog that has the tables of the lake, made with the platform. Without one they are in the object store."""

    scheme: Literal["glue"]
    """Of the tables' addresses, scheme://database/table: which catalog it is."""
    reach: Reach
    databases: Mapping[Layer, str]
    """Name of the database of each layer."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A PostgreSQL server with one database and one role for each consumer that asked for one."""

    host: str | None
    """None where the cloud chooses it: the Secrets' addresses have it."""
    reach: Reach
    databases: Mapping[str, str]
    """Database name by consumer."""
    credentials: Mapping[str, str]
    """Secret name by consumer, in the consumer's namespace; keys username, password, uri."""
    tls: bool = False
    """Whether clients insist on TLS and on the server's certificate; without, the network is trusted."""
    ca: str | None = None
    """Key of those Secrets with the PEM file of the CA that the certificate is of; None: a public one."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a service account carries, so that a cloud takes its pods for somebody."""

    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the service accounts of consumers are outside of the cluster: what lets in those that have no keys."""

    accounts: Mapping[str, Mapping[str, Account]]
    """By consumer, and there by the account's name, since a cloud's trust policies name both."""
    reach: Reach | None
    """Where their pods get tokens of the cloud; None where it knows none of them."""

    def of(self, consumer: str, account: str) -> Account:
        """Return what an account carries. KeyError for one that is not among its consumer's `accounts`."""
        return self.accounts[consumer][account]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """An OCI registry. Both addresses are host[:port]/path without a scheme."""

    push: str
    pull: str
    pull_secret: str | None = None
    """Secret with the login of those who pull, in every namespace; None where nodes need none."""


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """An Ingress in front of the gateway: its controller ends the clients' TLS, and speaks HTTPS to the gateway."""

    class_name: str | None
    """None: the cluster's default IngressClass."""
    controller: str | None
    """nginx or traefik, which are asked to speak HTTPS to the gateway and to check its certificate; None: another one,
    which its annotations tell."""
    annotations: Mapping[str, str]
    certificate: str | None
    """Secret of type kubernetes.io/tls in the gateway's namespace, or the one that cert-manager makes there; None: the
    controller has a certificate of its own."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A Gateway of the Gateway API in front of the gateway, which somebody else has."""

    name: str
    namespace: str
    section: str | None
    """Which of its listeners; None: each that takes the route."""
    passthrough: bool
    """Whether it passes TLS through; if not, it ends the clients' TLS, and speaks HTTPS to the gateway."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How people and clients outside of the cluster reach the gateway."""

    domain: str
    """Its own host name; each service has one below it."""
    addresses: Sequence[str] = ()
    """IP addresses that clients may use in place of the domain."""
    port: int | None
    """None where it is not reached from outside."""
    forwarded: bool = False
    """Whether a client reaches it only while it forwards a port by way of the Kubernetes API."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its Service: by these, whoever publishes it knows how."""
    certificate: str | None = None
    """Secret of type kubernetes.io/tls in the gateway's namespace; None: the gateway makes a certificate itself."""
    ingress: Ingress | None = None
    listener: Listener | None = None
    proxy_namespace: str | None = None
    """Of the Ingress' or the Gateway's pods: who alone may connect to the gateway's; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An MLflow tracking server and model registry."""

    url: str
    """Address inside the cluster, for MLFLOW_TRACKING_URI."""
    namespace: str
    artifacts: str
    """Address in the object store below which the server keeps the runs' files, which its clients reach through it."""
    credentials: Mapping[str, str]
    """Secret name by client, in the client's namespace; keys username, password, credentials (a file as MLflow's own
    clients read it)."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a consumer may do in a bucket, by what keys begin with. Nobody deletes a version of an object."""

    read: Sequence[str] = ()
    """What it lists and reads."""
    add: Sequence[str] = ()
    """What it reads and stores, and never deletes: objects that an address names by their content."""
    write: Sequence[str] = ()
    """What it reads, stores and deletes."""


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of a table of the lake, where it is checked; as it came every column is text."""

    name: str
    """As a catalog has it: in small letters, digits and underscores."""
    type: Literal["double", "string"]
    optional: bool
    """Whether a row may have no value."""


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """Who uses the platform's data and services: the buckets it may touch, whether it has a database. Its namespace is
    naming.namespace(environment, its name)."""

    buckets: Mapping[BucketRole, Grant]
    database: bool = False
    connections: int = 0
    """To its database at once, of every 60 that the server takes; 0: as many as there are."""
    accounts: Sequence[str] = ()
    """Service accounts of the pods that use them."""
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Components of its pods that call a service, by the service's name. For the database: where not all of them do."""
    models: Sequence[str] = ()
    """Names of the experiments and registered models that it writes, and the only ones that it reads."""
    tables: Sequence[str] = ()
    """Names of the lake's tables that it reads and adds rows to: there is one of each name in every layer."""


def users_of(service: str, everyone: Mapping[str, Consumer]) -> dict[str, Sequence[str]]:
    """Return the consumers that say that they call a service, each with the components of its pods that do."""
    return {name: consumer.uses[service] for name, consumer in everyone.items() if service in consumer.uses}


@dataclass(frozen=True, kw_only=True)
class TaskPods:
    """The pods of a workload's tasks, for whoever orchestrates them."""

    workload: str
    consumer: str
    """In whose namespace they run."""
    pods: Mapping[str, Any]
    """The document of each task's pod, by task."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A way from the gateway to a service."""

    name: str
    """Host name below the entry's domain, and first part of the path for clients that can't use it."""
    title: str
    """One line for people."""
    servers: Mapping[str, str]
    """http://host:port inside the cluster by server, under whose name metrics count its requests."""
    weights: Mapping[str, int]
    """Share of the requests by server."""
    health: str
    """Path that answers 2xx while a server is well."""
    login: str | None
    """Secret in the gateway's namespace whose file `digests` says whom the gateway lets in (modules/core/passwords.py);
    None: it asks nobody. The login goes on to the service."""
    own_logins: Sequence[str] = ()
    """Beginnings of the paths at which the service itself takes passwords."""
    grpc: str | None = None
    """h2c://host:port inside the cluster, where calls of gRPC go; at the host's name only: a client of gRPC can put
    nothing before its paths."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A workload's model, for the landing page: who is champion, what serves, what is tried beside it."""

    workload: str
    model: str
    release: int | None
    version: int | None
    canary_version: int | None
    canary_weight: int | None
    """Percent of the requests; the canary_ fields are None where nothing is tried."""

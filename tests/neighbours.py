"""The contracts that components get from their neighbours: in the cluster, and as a cloud passes them."""

from collections.abc import Sequence

from modules.core.contracts import Account, Cluster, Database, Entry, Identity, ObjectStore, Reach, Registry
from modules.core.labels import LOCAL_PORT

BUCKETS = {role: f"local-{role}" for role in ("raw", "features", "artifacts", "logs")}

CLUSTER = Cluster(
    name="groundwork-local",
    pod_range="10.80.0.0/18",
    dns=Reach(port=53, ranges=("10.80.0.0/18",)),
    storage_class="standard",
    publisher="10.80.255.253/32",
)
REGISTRY = Registry(push="registry", pull="registry")

ENTRY = Entry(domain="localhost", addresses=("127.0.0.1",), port=8443, annotations={LOCAL_PORT: "8443"})
CLOUD_ENTRY = Entry(
    domain="ml.example",
    port=443,
    service_type="LoadBalancer",
    annotations={"cloud.example/internal": "true"},
    certificate="ml-example-tls",
)
"""A domain of its own, a load balancer, and a certificate that somebody else issues."""


def store(*consumers: str, region: str = "r") -> ObjectStore:
    """In the cluster: each consumer has keys."""
    return ObjectStore(
        endpoint="http://storage:8333",
        reach=Reach(port=8333, namespace="local-storage", labels={"app.kubernetes.io/name": "storage"}),
        region=region,
        buckets=BUCKETS,
        credentials=dict.fromkeys(consumers, "s3-credentials"),
    )


def database(*consumers: str) -> Database:
    return Database(
        host="postgresql",
        reach=Reach(port=5432, namespace="local-database", labels={"app.kubernetes.io/name": "database"}),
        databases={name: name for name in consumers},
        credentials=dict.fromkeys(consumers, "database"),
    )


def nobody(consumer: str, accounts: Sequence[str]) -> Identity:
    """Accounts that the cluster alone knows."""
    return Identity(accounts={consumer: dict.fromkeys(accounts, Account())}, reach=None)


def somebody(consumer: str, accounts: Sequence[str]) -> Identity:
    """Accounts that a cloud knows, each by a role of its own."""
    known = {
        name: Account(annotations={"cloud.example/role": f"role-of-{name}"}, labels={"cloud.example/use": "true"})
        for name in accounts
    }
    return Identity(accounts={consumer: known}, reach=Reach(port=443, ranges=("52.94.0.0/22",)))


CLOUD_STORE = ObjectStore(
    endpoint=None,
    reach=Reach(port=443, ranges=("52.218.0.0/17", "3.5.64.0/21")),
    region="eu-west-1",
    buckets=BUCKETS,
    credentials={},
)
"""A cloud's own: addresses outside of the cluster, and no keys, since service accounts have identities."""
CLOUD_DATABASE = Database(
    host="db.example",
    reach=Reach(port=6432, ranges=("10.1.0.0/24",)),
    databases={"mlflow": "mlflow", "airflow": "airflow"},
    credentials={"mlflow": "database", "airflow": "database"},
)

"""What PostgreSQL's component declares, seen through the engine's mocks."""

from collections.abc import Mapping, Sequence

from modules.core.contracts import Cluster, Consumer, Grant
from modules.core.labels import Labels
from modules.database.consumers import CLIENT_SECRET
from modules.database.postgresql import PostgreSQL, database
from modules.database.settings import DatabaseSettings
from tests.mocks import Monitor, Objects, declare, namespaces_with
from tests.neighbours import REGISTRY

CONSUMERS = {
    "airflow": Consumer(buckets={}, database=True),
    "mlflow": Consumer(buckets={}, database=True),
    "iris": Consumer(buckets={"raw": Grant(read=("",))}),
}


def declared(
    cluster: Cluster,
    *,
    consumers: Mapping[str, Consumer] = CONSUMERS,
    components: Mapping[str, Sequence[str]] | None = None,
    protect: bool = True,
) -> tuple[Objects, Monitor]:
    def program() -> None:
        PostgreSQL(
            "database",
            settings=DatabaseSettings(volume="7Gi"),
            labels=Labels(environment="local", owner="someone"),
            cluster=cluster,
            contract=database("database", "local-database", consumers),
            registry=REGISTRY,
            image="registry/postgresql:15@sha256:" + "1" * 64,
            namespace="local-database",
            namespaces={name: f"local-{name}" for name in consumers},
            components=components or {},
            limits={"mlflow": 15},
            protect=protect,
        )

    recorder, monitor = declare(program)
    return recorder.objects, monitor


def test_who_has_a_database_gets_its_credentials_and_nobody_else(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    assert namespaces_with(objects, CLIENT_SECRET) == {"local-airflow", "local-mlflow"}


def test_the_superuser_and_the_servers_key_stay_with_the_server(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    names = ("superuser", "consumers", "certificate")
    assert {name: namespaces_with(objects, name) for name in names} == {name: {"local-database"} for name in names}


def test_whoever_connects_has_the_authority_of_the_servers_certificate(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    for secret in ("database-mlflow-credentials", "database-airflow-credentials", "database-superuser"):
        assert "ca.crt" in objects["Secret", secret]["data"]["value"]
        assert "tls.key" not in objects["Secret", secret]["data"]["value"]
    (container,) = objects["Job", "database-consumers"]["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["PGHOST"] == "postgresql.local-database.svc.cluster.local"
    assert variables["PGSSLMODE"] == "verify-full"
    assert variables["PGSSLROOTCERT"] == "/var/run/groundwork/database/ca.crt"
    assert variables["LIMITS"] == "mlflow=15"


def test_another_certificate_restarts_the_server(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    template = objects["StatefulSet", "database-server"]["spec"]["template"]
    assert "groundwork.dev/checksum" in template["metadata"]["annotations"]


def test_the_volume_and_the_password_that_is_kept_in_it_are_protected(cluster: Cluster) -> None:
    assert declared(cluster)[1].protected == {"database-server", "database-data", "database-superuser-password"}
    assert declared(cluster, protect=False)[1].protected == set()


def test_the_volume_has_the_size_and_the_class_that_were_asked_for(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    claim = objects["PersistentVolumeClaim", "database-data"]
    assert claim["spec"]["storageClassName"] == cluster.storage_class
    assert claim["spec"]["resources"]["requests"] == {"storage": "7Gi"}


def test_consumers_may_connect_with_those_of_their_pods_that_they_name(cluster: Cluster) -> None:
    objects, _ = declared(cluster, components={"airflow": ("scheduler",)})
    (entry,) = objects["NetworkPolicy", "database-allow-clients"]["spec"]["ingress"]
    pods = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: peer.get("podSelector")
        for peer in entry["from"]
    }
    named = [{"key": "app.kubernetes.io/component", "operator": "In", "values": ["scheduler"]}]
    assert pods == {"local-airflow": {"matchExpressions": named}, "local-mlflow": None, "local-database": None}
    assert [port["port"] for port in entry["ports"]] == [5432]


def test_another_consumer_is_another_job(cluster: Cluster) -> None:
    """A Job can't be changed: one of another name gives the new consumer its role and database."""
    more = {**CONSUMERS, "extra": Consumer(buckets={}, database=True)}
    jobs = [declared(cluster, consumers=each)[0]["Job", "database-consumers"] for each in (CONSUMERS, more)]
    assert len({job["metadata"]["name"] for job in jobs}) == 2

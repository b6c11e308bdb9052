from modules.core.contracts import Cluster, Database, Identity, ObjectStore
from modules.core.labels import Labels
from modules.mlflow.server import Mlflow, allowed_hosts, options, tracking
from modules.mlflow.settings import MlflowSettings
from tests.mocks import Objects, declare
from tests.neighbours import CLOUD_DATABASE, CLOUD_STORE, REGISTRY, database, nobody, somebody, store

STORE = store("mlflow")


def test_clients_are_told_its_service_and_where_files_lie() -> None:
    contract = tracking("local-mlflow", STORE, ["gateway"])
    assert contract.url == "http://mlflow.local-mlflow.svc.cluster.local:5000"
    assert contract.artifacts == "s3://local-artifacts/mlflow"


def test_it_answers_under_every_name_that_clients_may_use() -> None:
    hosts = allowed_hosts("local-mlflow", 15000)
    assert {"mlflow.local-mlflow.svc.cluster.local:5000", "mlflow:5000", "localhost:15000"} <= set(hosts)
    assert not [host for host in hosts if "*" in host]


def test_it_answers_no_local_name_where_it_is_not_published() -> None:
    assert not [host for host in allowed_hosts("local-mlflow", None) if host.startswith(("localhost", "127."))]


def test_one_worker_serves_and_files_go_through_the_server() -> None:
    given = options(tracking("local-mlflow", STORE, ["gateway"]), None, ["https://mlflow.localhost:8443"])
    assert "--workers=1" in given
    assert "--cors-allowed-origins=https://mlflow.localhost:8443" in given
    assert "--serve-artifacts" in given
    assert "--artifacts-destination=s3://local-artifacts/mlflow" in given


def declared(cluster: Cluster, store: ObjectStore, database: Database, identity: Identity) -> Objects:
    def program() -> None:
        Mlflow(
            "mlflow",
            settings=MlflowSettings(),
            labels=Labels(environment="local", owner="someone"),
            cluster=cluster,
            contract=tracking("local-mlflow", store, []),
            store=store,
            database=database,
            identity=identity,
            registry=REGISTRY,
            image="registry/mlflow:3@sha256:" + "1" * 64,
            namespace="local-mlflow",
            clients={},
            components={},
            models={},
            origins=[],
        )

    return declare(program)[0].objects


def secrets_and_variables(objects: Objects) -> tuple[set[str], dict[str, str]]:
    pod = objects["Deployment", "mlflow-server"]["spec"]["template"]["spec"]
    secrets = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    return secrets, {each["name"]: each["value"] for each in pod["containers"][0]["env"]}


def test_keys_of_the_store_and_the_login_of_the_database_are_files(cluster: Cluster) -> None:
    objects = declared(cluster, STORE, database("mlflow"), nobody("mlflow", ["mlflow"]))
    secrets, variables = secrets_and_variables(objects)
    assert secrets == {"s3-credentials", "database", "mlflow-accounts"}
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == "/var/run/groundwork/s3/credentials"
    assert variables["MLFLOW_S3_ENDPOINT_URL"] == "http://storage:8333"


def test_without_keys_its_account_is_its_identity(cluster: Cluster) -> None:
    objects = declared(cluster, CLOUD_STORE, CLOUD_DATABASE, somebody("mlflow", ["mlflow"]))
    secrets, variables = secrets_and_variables(objects)
    assert secrets == {"database", "mlflow-accounts"}
    assert not {"AWS_SHARED_CREDENTIALS_FILE", "MLFLOW_S3_ENDPOINT_URL"} & variables.keys()
    assert variables["AWS_REGION"] == "eu-west-1"
    account = objects["ServiceAccount", "mlflow-account"]["metadata"]
    assert account["annotations"]["cloud.example/role"] == "role-of-mlflow"
    assert account["labels"].items() >= {"cloud.example/use": "true", "app.kubernetes.io/name": "mlflow"}.items()

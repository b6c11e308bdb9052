from modules.mlflow.server import allowed_hosts, options, tracking
from tests.neighbours import store

STORE = store("mlflow")


def test_clients_are_told_its_service_and_where_files_lie() -> None:
    contract = tracking("local-mlflow", STORE)
    assert contract.url == "http://mlflow.local-mlflow.svc.cluster.local:5000"
    assert contract.artifacts == "s3://local-artifacts/mlflow"


def test_it_answers_under_every_name_that_clients_may_use() -> None:
    hosts = allowed_hosts("local-mlflow", 15000)
    assert {"mlflow.local-mlflow.svc.cluster.local:5000", "mlflow:5000", "localhost:15000"} <= set(hosts)
    assert not [host for host in hosts if "*" in host]


def test_it_answers_no_local_name_where_it_is_not_published() -> None:
    assert not [host for host in allowed_hosts("local-mlflow", None) if host.startswith(("localhost", "127."))]


def test_one_worker_serves_and_files_go_through_the_server() -> None:
    given = options(tracking("local-mlflow", STORE), None, ["https://mlflow.localhost:8443"])
    assert "--workers=1" in given
    assert "--cors-allowed-origins=https://mlflow.localhost:8443" in given
    assert "--serve-artifacts" in given
    assert "--artifacts-destination=s3://local-artifacts/mlflow" in given

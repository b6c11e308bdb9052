from modules.core.contracts import Consumer
from modules.database.documents import configuration, shared_buffers_mib, uri
from modules.database.postgresql import database
from modules.database.settings import DatabaseSettings


def test_the_configuration_follows_the_settings() -> None:
    text = configuration(DatabaseSettings(max_connections=33))["postgresql.conf"]
    assert "max_connections = 33\n" in text
    assert "shared_buffers = 128MB\n" in text


def test_nobody_gets_in_without_a_password() -> None:
    lines = configuration(DatabaseSettings())["pg_hba.conf"].splitlines()
    methods = {line.split()[-1] for line in lines if not line.startswith("#")}
    assert methods == {"scram-sha-256"}


def test_shared_buffers_are_a_quarter_of_the_memory_but_never_too_few() -> None:
    assert (shared_buffers_mib("2Gi"), shared_buffers_mib("64Mi")) == (512, 32)


def test_an_address_names_role_and_database_whatever_is_in_their_names_and_in_the_password() -> None:
    address = uri("ml flow", "p@ss:w/rd%", host="db.example", port=6432, database="runs")
    assert address == "postgresql://ml%20flow:p%40ss%3Aw%2Frd%25@db.example:6432/runs"


def test_the_contract_names_only_consumers_that_asked_for_a_database() -> None:
    consumers = {"mlflow": Consumer(buckets={}, database=True), "iris": Consumer(buckets={})}
    contract = database("database", "local-database", consumers)
    assert contract.host == "postgresql.local-database.svc.cluster.local"
    assert contract.databases == {"mlflow": "mlflow"}
    assert contract.credentials == {"mlflow": "database-credentials"}

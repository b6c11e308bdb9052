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


def test_a_consumer_is_told_its_database_under_its_own_name() -> None:
    assert uri("mlflow", "hidden", "host") == "postgresql://mlflow:hidden@host:5432/mlflow"


def test_the_contract_names_only_consumers_that_asked_for_a_database() -> None:
    consumers = {"mlflow": Consumer(buckets={}, database=True), "iris": Consumer(buckets={})}
    contract = database("database", "local-database", consumers)
    assert contract.host == "postgresql.local-database.svc.cluster.local"
    assert contract.databases == {"mlflow": "mlflow"}
    assert contract.credentials == {"mlflow": "database-credentials"}

import pytest

from modules.airflow.service import AIRFLOW
from modules.core.contracts import Consumer
from modules.database.documents import configuration, connection_limits, shared_buffers_mib, uri
from modules.database.postgresql import database
from modules.database.settings import MAX_CONNECTIONS, DatabaseSettings
from modules.mlflow.service import MLFLOW
from stacks.services import SERVICES


def test_the_configuration_follows_the_settings() -> None:
    text = configuration(DatabaseSettings(max_connections=33))["postgresql.conf"]
    assert "max_connections = 33\n" in text
    assert "shared_buffers = 128MB\n" in text


def test_nobody_gets_in_without_a_password() -> None:
    lines = configuration(DatabaseSettings())["pg_hba.conf"].splitlines()
    methods = {line.split()[-1] for line in lines if not line.startswith("#")}
    assert methods == {"scram-sha-256"}


def test_a_connection_from_elsewhere_is_encrypted_or_refused() -> None:
    files = configuration(DatabaseSettings())
    kinds = {line.split()[0] for line in files["pg_hba.conf"].splitlines() if not line.startswith("#")}
    assert kinds == {"local", "hostssl"}
    assert "ssl = on\nssl_min_protocol_version = 'TLSv1.3'\n" in files["postgresql.conf"]


@pytest.mark.parametrize(
    ("maximum", "limits"), [(60, {"mlflow": 15, "airflow": 36}), (100, {"mlflow": 25, "airflow": 60})]
)
def test_a_consumer_has_its_share_of_the_connections(maximum: int, limits: dict[str, int]) -> None:
    consumers = {service.name: service.needs for service in (MLFLOW, AIRFLOW)}
    assert connection_limits(DatabaseSettings(max_connections=maximum), consumers) == limits


def test_who_has_no_share_has_no_limit() -> None:
    consumers = {"one": Consumer(buckets={}, database=True), "other": Consumer(buckets={}, connections=9)}
    assert connection_limits(DatabaseSettings(), consumers) == {}


def test_all_shares_together_leave_connections_to_the_administrator() -> None:
    limits = connection_limits(DatabaseSettings(), {service.name: service.needs for service in SERVICES})
    assert sum(limits.values()) <= MAX_CONNECTIONS - 6


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
    assert (contract.tls, contract.ca) == (True, "ca.crt")

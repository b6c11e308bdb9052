"""What a stack's file may say of an object store and a PostgreSQL that somebody else runs."""

from typing import Any

import pytest

from modules.core.errors import UserError
from stacks.configuration import parse
from stacks.requests import requests
from stacks.settings import PlatformSettings

BUCKETS = {"raw": "lake", "features": "lake", "artifacts": "models", "logs": "lake"}
STORE: dict[str, Any] = {"endpoint": "https://s3.example:9000", "buckets": BUCKETS, "access_key_id": "AKIA"}
ADMIN: dict[str, Any] = {"host": "db.example", "admin": {"role": "owner"}}
ROLES: dict[str, Any] = {
    "host": "db.example",
    "roles": {name: {"role": f"team_{name}", "database": f"team_{name}"} for name in ("mlflow", "airflow")},
}
SECRET = {"groundwork:storage_secret_key": {"secure": "v1:encrypted"}}
ADMIN_PASSWORD = {"groundwork:database_passwords": {"admin": {"secure": "v1:encrypted"}}}
PASSWORDS = {"groundwork:database_passwords": {"mlflow": "a", "airflow": "b"}}


def settings(*, storage: Any = None, database: Any = None, **keys: Any) -> PlatformSettings:
    foundation: dict[str, Any] = {"target": "existing", "context": "team", "registry": {"push": "registry.example/ml"}}
    return parse(
        {"groundwork:foundation": {**foundation, "storage": storage, "database": database}, **keys}, source="file"
    )


def refusal(**keys: Any) -> str:
    with pytest.raises(UserError) as refused:
        settings(**keys)
    return str(refused.value)


def test_the_two_are_chosen_apart() -> None:
    assert set(settings().foundation.external) == set()
    assert set(settings(storage=STORE, **SECRET).foundation.external) == {"storage"}
    assert set(settings(database=ADMIN, **ADMIN_PASSWORD).foundation.external) == {"database"}
    assert settings(database=ROLES, **PASSWORDS).database_passwords["mlflow"].get_secret_value() == "a"


@pytest.mark.parametrize(
    ("keys", "absent"),
    [
        ({}, set[str]()),
        ({"storage": STORE, **SECRET}, {"team-storage"}),
        ({"database": ROLES, **PASSWORDS}, {"team-database"}),
        ({"database": ADMIN, **ADMIN_PASSWORD}, set[str]()),  # the administrator's Job runs there
    ],
)
def test_what_runs_elsewhere_has_no_namespace(keys: dict[str, Any], absent: set[str]) -> None:
    names = settings(**keys).namespaces("team")
    assert {"team-storage", "team-database"} - set(names) == absent


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("https://s3.example", "s3.example", 443),
        ("http://minio.minio.svc:9000", "minio.minio.svc", 9000),
        (None, "s3.eu-west-1.amazonaws.com", 443),
    ],
)
def test_the_store_is_reached_where_its_address_says(endpoint: str | None, host: str, port: int) -> None:
    store = settings(storage={**STORE, "endpoint": endpoint, "region": "eu-west-1"}, **SECRET).external_store
    assert store is not None
    assert (store.host, store.port) == (host, port)


PODS = {"namespace": "minio", "labels": {"app": "minio"}, "port": 9001}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"storage": {**STORE, "endpoint": "s3.example:9000"}}, "foundation.storage.endpoint is 's3.example:9000'"),
        ({"storage": {**STORE, "endpoint": "https://s3.example/bucket"}}, "without a path"),
        ({"storage": {**STORE, "endpoint": "http://127.0.0.1:9000"}}, "for a pod that is the pod itself"),
        ({"storage": {**STORE, "buckets": {"raw": "lake"}}}, "foundation.storage.buckets.features: missing; Bucket of"),
        ({"storage": {**STORE, "buckets": {**BUCKETS, "raw": "Lake"}}}, "foundation.storage.buckets.raw is 'Lake'"),
        ({"storage": {**STORE, "prefix": "x"}}, "foundation.storage.prefix: unknown key"),
        ({"storage": {**STORE, "ranges": ["10.0.0.0/99"]}}, "foundation.storage.ranges.0 is '10.0.0.0/99'"),
        ({"storage": {**STORE, "ranges": ["10.0.0.0/8"], "pods": PODS}}, "both ranges and pods are given"),
        (SECRET, "storage_secret_key is given, but foundation.storage names no object store: remove it"),
        (
            {"storage": STORE, **SECRET, "groundwork:storage": {"volume": "20Gi"}},
            "storage describes a server in the cluster, but foundation.storage names somebody else's",
        ),
        ({"database": {**ADMIN, "host": "db.example:5432"}}, "foundation.database.host is 'db.example:5432'"),
        ({"database": {**ADMIN, "host": "localhost"}}, "for a pod that is the pod itself"),
        ({"database": {"host": "db.example"}}, "neither admin nor roles is given"),
        ({"database": {**ADMIN, **ROLES}}, "both admin and roles are given"),
        ({"database": {**ADMIN, "tls": False, "ca": "ca.crt"}}, "ca is given where tls is false"),
        (
            {"database": ROLES, "groundwork:database_passwords": {"mlflow": "a", "airflow": "b", "admin": "c"}},
            "database_passwords.admin is of nobody in foundation.database",
        ),
        (PASSWORDS, "database_passwords.airflow is given, but foundation.database names no server: remove it"),
        (
            {"database": {**ROLES, "roles": {"mlflow": ROLES["roles"]["mlflow"]}}, **PASSWORDS},
            "foundation.database.roles.airflow is missing: airflow needs a role and a database",
        ),
        (
            {"database": {**ROLES, "roles": {**ROLES["roles"], "airflw": ROLES["roles"]["mlflow"]}}, **PASSWORDS},
            "foundation.database.roles.airflw: no service with a database; did you mean 'airflow'?",
        ),
        (
            {"database": ADMIN, **ADMIN_PASSWORD, "groundwork:database": {"volume": "20Gi"}},
            "database describes a server in the cluster, but foundation.database names somebody else's",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(keys: dict[str, Any], message: str) -> None:
    assert message in refusal(**keys)


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"storage": STORE}, {"groundwork:storage_secret_key": "groundwork:storage_secret_key"}),
        ({"storage": STORE, **SECRET}, {}),
        ({"database": ADMIN}, {"groundwork:database_passwords.admin": "--path groundwork:database_passwords.admin"}),
        (
            {"database": ROLES, "groundwork:database_passwords": {"mlflow": "a"}},
            {"groundwork:database_passwords.airflow": "--path groundwork:database_passwords.airflow"},
        ),
        ({"database": ROLES, **PASSWORDS}, {}),
    ],
)
def test_the_file_is_read_before_its_secrets_are_set_and_nothing_is_made_until_then(
    keys: dict[str, Any], missing: dict[str, str]
) -> None:
    found = settings(**keys)
    assert found.missing_secrets() == {key: f"pulumi config set --secret {rest}" for key, rest in missing.items()}
    if missing:
        with pytest.raises(UserError, match="file lacks what logs in"):
            found.require_secrets("file")
    else:
        found.require_secrets("file")


def test_the_embedded_cluster_has_data_services_of_its_own() -> None:
    with pytest.raises(UserError, match=r"groundwork:foundation\.storage: unknown key"):
        parse({"groundwork:foundation": {"storage": STORE}, **SECRET}, source="file")


def test_what_runs_elsewhere_asks_nothing_of_the_nodes() -> None:
    keys = {each.key for each in requests(settings(storage=STORE, database=ROLES, **SECRET, **PASSWORDS))}
    assert not {key for key in keys if key.startswith(("storage.", "database."))}
    assert "storage.resources" in {each.key for each in requests(settings())}

"""The whole platform on a cluster, an object store and a PostgreSQL that somebody else runs."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from stacks.compose import build
from stacks.configuration import parse
from tests.authority import CA as AUTHORITY
from tests.mocks import Declared, declare

from .conftest import ENVIRONMENT, make_pins

BUCKETS = dict.fromkeys(("raw", "features", "artifacts", "logs"), "lake")
STORE = {"endpoint": "https://s3.example:9000", "region": "eu", "buckets": BUCKETS, "access_key_id": "AKIA"}
ROLES = {name: {"role": f"r_{name}", "database": f"d_{name}"} for name in ("mlflow", "airflow")}
PASSWORDS = {"admin": "hidden-admin", "mlflow": "hidden-mlflow", "airflow": "hidden-airflow"}
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def platform(
    folder: Path, database: dict[str, Any], pods: dict[str, Any] | None = None
) -> tuple[list[Declared], dict[str, Any]]:
    (folder / "ca.crt").write_text(CA)
    ca = {"ca": str(folder / "ca.crt")}
    foundation: dict[str, Any] = {
        "target": "existing",
        "context": "team",
        "registry": {"push": "registry.example/ml"},
        "pods": pods or {},
        "storage": {**STORE, **ca, "ranges": ["10.9.0.0/24"]},
        "database": {"host": "db.example", **ca, "ranges": ["10.8.0.7/32"], **database},
    }
    config: dict[str, Any] = {
        "groundwork:foundation": foundation,
        "groundwork:workloads": {"iris": {}},
        "groundwork:jenkins": {"enabled": False},
        "groundwork:storage_secret_key": "hidden-key",
        "groundwork:database_passwords": {
            name: PASSWORDS[name] for name in (("admin",) if "admin" in database else ("mlflow", "airflow"))
        },
    }
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        make_pins(folder, patch)
        recorder, _ = declare(lambda: outputs.update(build(parse(config, source="test"), ENVIRONMENT)))
    return [declared for declared in recorder.declared if declared.is_object], outputs


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Declared], dict[str, Any]]:
    return platform(tmp_path_factory.mktemp("stacks"), {"roles": ROLES})


@pytest.fixture(scope="module")
def with_admin(tmp_path_factory: pytest.TempPathFactory) -> list[Declared]:
    return platform(tmp_path_factory.mktemp("stacks"), {"admin": {"role": "owner"}})[0]


@pytest.fixture(scope="module")
def with_authority(tmp_path_factory: pytest.TempPathFactory) -> list[Declared]:
    """Where all pods trust an authority, beside those of store and database."""
    return platform(tmp_path_factory.mktemp("stacks"), {"admin": {"role": "owner"}}, {"ca": AUTHORITY})[0]


def of_kind(objects: list[Declared], kind: str) -> list[dict[str, Any]]:
    return [declared.inputs for declared in objects if declared.type.endswith(f":{kind}")]


def variables(objects: list[Declared]) -> dict[str, dict[str, str]]:
    """Of each container, by its name."""
    return {
        container["name"]: {each["name"]: each.get("value", "") for each in container.get("env", [])}
        for declared in objects
        for container in declared.containers()
    }


def test_no_server_is_created_and_no_namespace_for_one(deployed: tuple[list[Declared], dict[str, Any]]) -> None:
    objects, outputs = deployed
    namespaces = {each["metadata"]["name"] for each in of_kind(objects, "Namespace")}
    assert not namespaces & {"local-storage", "local-database"}
    assert not of_kind(objects, "StatefulSet")
    assert outputs["urls"]["storage"] == "https://s3.example:9000"
    assert outputs["buckets"] == BUCKETS


def test_every_consumer_reaches_exactly_the_named_addresses(deployed: tuple[list[Declared], dict[str, Any]]) -> None:
    opened = {
        (policy["metadata"]["name"], end["ipBlock"]["cidr"], port["port"])
        for policy in of_kind(deployed[0], "NetworkPolicy")
        if policy["metadata"]["name"].startswith("allow-to-")
        for rule in policy["spec"]["egress"]
        for end in rule["to"]
        for port in rule["ports"]
    }
    assert opened == {("allow-to-storage", "10.9.0.0/24", 9000), ("allow-to-database", "10.8.0.7/32", 5432)}


def test_all_keys_of_the_environment_begin_with_its_name_and_the_role(
    deployed: tuple[list[Declared], dict[str, Any]],
) -> None:
    text = json.dumps([declared.inputs for declared in deployed[0]], default=str)
    for address in ("artifacts/mlflow", "features/iris", "raw/data/iris", "logs/airflow"):
        assert f"s3://lake/local/{address}" in text


def test_every_client_verifies_what_it_talks_to(deployed: tuple[list[Declared], dict[str, Any]]) -> None:
    found = variables(deployed[0])
    for name in ("mlflow", "scheduler", "triggerer", "dag-processor", "api-server", "migration"):
        assert found[name]["PGSSLMODE"] == "verify-full", name
        assert found[name]["PGSSLROOTCERT"] == "/var/run/groundwork/database/ca.crt", name
    for name in ("mlflow", "scheduler", "triggerer", "training", "server", "check"):
        assert found[name]["AWS_CA_BUNDLE"] == "/var/run/groundwork/s3/ca.crt", name


def test_clients_of_the_store_trust_its_authority_and_that_of_all_pods(with_authority: list[Declared]) -> None:
    """Of these clients, boto3 reads one file alone."""
    found = variables(with_authority)
    for name in ("mlflow", "scheduler", "training", "server"):
        assert found[name]["AWS_CA_BUNDLE"] == "/var/run/groundwork/s3/ca.crt", name
        assert found[name]["SSL_CERT_FILE"] == "/etc/groundwork/trust/ca.pem", name
    trusted = [
        b64decode(each["data"]["value"]["ca.crt"]).decode()
        for each in of_kind(with_authority, "Secret")
        if each["metadata"]["name"] == "s3-credentials"
    ]
    assert trusted
    assert set(trusted) == {f"{CA}{AUTHORITY}"}
    assert found["consumers"]["SSL_CERT_FILE"] == "/etc/groundwork/trust/ca.pem"
    assert found["consumers"]["PGSSLROOTCERT"] == "/var/run/groundwork/database/ca.crt"


def test_secrets_are_in_secrets_alone(
    deployed: tuple[list[Declared], dict[str, Any]], with_admin: list[Declared]
) -> None:
    for declared in (*deployed[0], *with_admin):
        if not declared.type.endswith(":Secret"):
            assert "hidden-" not in json.dumps(declared.inputs, default=str), str(declared)


def test_the_administrators_job_runs_in_a_namespace_of_its_own(with_admin: list[Declared]) -> None:
    (job,) = (each for each in of_kind(with_admin, "Job") if each["metadata"]["namespace"] == "local-database")
    found = variables(with_admin)["consumers"]
    assert job["spec"]["template"]["spec"]["containers"][0]["name"] == "consumers"
    assert (found["PGHOST"], found["PGUSER"], found["PGSSLMODE"]) == ("db.example", "owner", "verify-full")
    assert found["MARK"] == "groundwork environment local"
    secrets = {each["metadata"]["name"]: each for each in of_kind(with_admin, "Secret")}
    assert secrets["consumers"]["data"]["value"].keys() == {"local-airflow", "local-mlflow"}
    for name in ("consumers", "administrator"):
        assert secrets[name]["metadata"]["namespace"] == "local-database"

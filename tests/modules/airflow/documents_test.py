import configparser
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.airflow import documents
from modules.airflow.settings import AirflowSettings
from tests.neighbours import CLOUD_STORE, store

STORE = store("airflow")


def configuration(**settings: Any) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(documents.configuration(AirflowSettings(**settings), namespace="local-airflow", store=STORE))
    return parser


def test_the_executor_is_the_settings_choice() -> None:
    assert configuration()["core"]["executor"] == "KubernetesExecutor"
    assert configuration(executor="LocalExecutor")["core"]["executor"] == "LocalExecutor"


def test_every_secret_is_read_from_a_file() -> None:
    read = configuration()
    assert documents.key_variables(["fernet-key", "jwt-secret", "secret-key"]) == {
        "AIRFLOW__CORE__FERNET_KEY_CMD": f"cat {documents.KEYS}/fernet-key",
        "AIRFLOW__API_AUTH__JWT_SECRET_CMD": f"cat {documents.KEYS}/jwt-secret",
        "AIRFLOW__API__SECRET_KEY_CMD": f"cat {documents.KEYS}/secret-key",
    }
    assert read["database"]["sql_alchemy_conn_cmd"].endswith(f"{documents.DATABASE}/uri")
    plain = {"fernet_key", "secret_key", "jwt_secret", "sql_alchemy_conn"}
    assert not plain & {option for section in read.sections() for option in read[section]}


def test_what_has_no_fernet_key_makes_none_of_its_own() -> None:
    assert documents.key_variables([]) == {"AIRFLOW__CORE__FERNET_KEY": ""}


@pytest.mark.parametrize(
    ("settings", "secure"),
    [({}, True), ({"base_url": "https://airflow.localhost"}, True), ({"local_port": 9000}, False)],
)
def test_the_cookie_of_a_login_is_for_https_where_people_open_it_by_that(
    settings: dict[str, Any], secure: bool
) -> None:
    read = configuration(**settings)
    assert read["core"]["auth_manager"].endswith(".FabAuthManager")
    assert read["fab"].getboolean("cookie_secure") is secure


def test_no_examples_are_loaded() -> None:
    assert configuration()["core"].getboolean("load_examples") is False


def test_the_logs_of_tasks_go_to_their_bucket() -> None:
    logging = configuration()["logging"]
    assert logging.getboolean("remote_logging")
    assert logging["remote_base_log_folder"] == "s3://local-logs/airflow"


def test_tasks_find_the_api_by_its_service() -> None:
    expected = "http://airflow.local-airflow.svc.cluster.local:8080/execution/"
    assert configuration()["core"]["execution_api_server_url"] == expected


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, None),
        ({"local_port": 9000}, "http://127.0.0.1:9000"),
        ({"base_url": "https://airflow.localhost:8443"}, "https://airflow.localhost:8443"),
    ],
)
def test_people_open_it_where_it_is_published_unless_told(settings: dict[str, Any], address: str | None) -> None:
    assert configuration(**settings)["api"].get("base_url") == address


def test_dags_are_read_where_the_image_has_them() -> None:
    (bundle,) = json.loads(configuration()["dag_processor"]["dag_bundle_config_list"])
    assert bundle["kwargs"]["path"] == documents.DAGS
    containerfile = Path(documents.__file__).with_name("Containerfile").read_text()
    assert f"COPY workloads/ {documents.DAGS}/" in containerfile


def test_the_connections_lead_to_the_store_and_to_our_own_sidecar() -> None:
    found = json.loads(documents.connections(STORE, "registry/xcom@sha256:1"))
    assert found["logs"] == {"conn_type": "aws", "extra": {"region_name": "r", "endpoint_url": "http://storage:8333"}}
    cluster = found["kubernetes_default"]["extra"]
    assert cluster["xcom_sidecar_container_image"] == "registry/xcom@sha256:1"
    assert json.loads(cluster["xcom_sidecar_container_resources"]).keys() == {"requests", "limits"}
    assert json.loads(cluster["xcom_sidecar_container_security_context"])["capabilities"] == {"drop": ["ALL"]}


def test_the_clouds_own_store_needs_no_address() -> None:
    assert json.loads(documents.connections(CLOUD_STORE, "i"))["logs"]["extra"] == {"region_name": "eu-west-1"}


def test_variables_are_text_as_airflow_wants_them() -> None:
    found = json.loads(documents.variables("local", STORE))
    assert found["environment"] == "local"
    shared = replace(STORE, prefixes={"raw": "team/raw/"})
    addresses = json.loads(json.loads(documents.variables("team", shared))["addresses"])
    assert (addresses["raw"], addresses["logs"]) == ("s3://local-raw/team/raw/", "s3://local-logs/")


def test_each_task_has_a_file_with_its_pod() -> None:
    pods = {"iris": {"train_rf": {"kind": "Pod"}}, "rose": {"train_rf": {"kind": "Pod"}}}
    assert documents.task_pods(pods) == dict.fromkeys(("iris.train_rf.json", "rose.train_rf.json"), '{"kind":"Pod"}')


def test_a_fernet_key_has_its_own_alphabet() -> None:
    assert documents.fernet_key("a+b/c=") == "a-b_c="

import ast
import re
from typing import Any

import pytest

from embedded.toolchain.targets import IMAGE_TARGETS, KARPENTER
from modules.airflow.service import AIRFLOW
from modules.core.contracts import Consumer, Grant, users_of
from modules.core.paths import REPOSITORY
from modules.gateway.service import GATEWAY
from modules.jenkins.service import JENKINS
from modules.mlflow.service import MLFLOW
from stacks.compose import address, client_addresses
from stacks.configuration import parse
from stacks.services import EVERY, images, logins
from stacks.settings import PlatformSettings
from workloads.service import WORKLOADS

SETTINGS = parse({"groundwork:workloads": {"iris": {"local_port": 8080}, "rose": {}}}, source="test")
WITHOUT_JENKINS = parse({"groundwork:jenkins": {"enabled": False}}, source="test")


def consumers_of(settings: PlatformSettings) -> dict[str, Consumer]:
    return settings.consumers()


def test_mlflow_keeps_models_and_records() -> None:
    mlflow = consumers_of(SETTINGS)["mlflow"]
    assert mlflow.buckets == {"artifacts": Grant(write=("mlflow/",))}
    assert mlflow.database


def test_training_of_a_workload_writes_below_its_name_and_its_servers_only_read_its_models() -> None:
    found = consumers_of(SETTINGS)
    written = [prefix for grant in found["iris-training"].buckets.values() for prefix in (*grant.add, *grant.write)]
    assert all(re.search(r"(^|/)iris[/.]", prefix) for prefix in written)
    assert found["iris"].buckets == {"artifacts": Grant(read=("models/iris/",))}
    assert not found["iris-training"].database


def test_training_and_serving_of_a_workload_have_accounts_of_their_own() -> None:
    found = consumers_of(SETTINGS)
    accounts = {name: consumer.accounts for name, consumer in found.items() if name.startswith(("iris", "rose"))}
    assert accounts == {
        "iris": ("iris-serving",),
        "iris-training": ("iris-training",),
        "rose": ("rose-serving",),
        "rose-training": ("rose-training",),
    }


def test_jenkins_has_a_namespace_and_no_data_unless_it_is_left_out() -> None:
    assert consumers_of(SETTINGS)["jenkins"] == Consumer(buckets={})
    assert "jenkins" not in consumers_of(WITHOUT_JENKINS)


@pytest.mark.parametrize(
    ("service", "users"),
    [
        (MLFLOW, {"iris-training": ("training", "task"), "rose-training": ("training", "task")}),
        *((service, {}) for service in (AIRFLOW, WORKLOADS, JENKINS, GATEWAY)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_service_is_used_by_those_components_that_say_so(service: Any, users: dict[str, tuple[str, ...]]) -> None:
    assert users_of(service.name, consumers_of(SETTINGS)) == users


def test_addresses_are_ones_that_any_resolver_knows() -> None:
    assert client_addresses(SETTINGS, SETTINGS.entry) == {
        "gateway": "https://localhost:8443",
        "mlflow": "https://localhost:8443/mlflow",
        "airflow": "https://localhost:8443/airflow",
        "iris": "http://127.0.0.1:8080",
        "rose": "https://localhost:8443/rose",
    }
    assert address(MLFLOW, SETTINGS.entry) == "https://mlflow.localhost:8443"


def test_what_nobody_reaches_has_no_address() -> None:
    unpublished = parse({"groundwork:gateway": {"local_port": None}}, source="test")
    assert client_addresses(unpublished, unpublished.entry) == {}
    assert address(MLFLOW, unpublished.entry) is None


def test_names_of_services_images_and_logins_differ() -> None:
    assert len({service.name for service in EVERY}) == len(EVERY)
    assert len({image.name for image in images()}) == len(images())
    assert logins().keys() == {"airflow", "jenkins", "mlflow", "postgresql", "storage"}


def test_an_image_comes_after_the_one_below_it() -> None:
    names = [image.name for image in images()]
    assert all(image.base is None or names.index(image.base) < names.index(image.name) for image in images())


def test_images_that_no_workload_runs_in_are_not_built() -> None:
    def built(**workloads: Any) -> set[str]:
        settings = parse({"groundwork:workloads": workloads}, source="test")
        return {image.name for image in settings.images()}

    assert built() == {image.name for image in images(foundation=())} - {image.name for image in WORKLOADS.images}
    assert built(iris={}) - built() == {"training", "serving"}
    assert built(iris={}, wine={}) == built(iris={})
    assert built(digits={}) - built() == {"training-torch", "serving"}
    assert built(neighbours={}) - built() == {"training", "serving-skops"}
    assert built(screening={}) - built() == {"training-lake", "serving"}


def test_the_image_for_tables_has_the_library_of_where_they_are() -> None:
    def groups(**lake: Any) -> dict[str, str | None]:
        cluster = {"administrators": ["arn:aws:iam::123456789012:role/deployer"]}
        account = {"target": "aws", "account": "123456789012", "region": "eu-west-1", "cluster": cluster}
        given = {"groundwork:foundation": {**account, "database": {"ca": "rds.pem"}, **lake}}
        settings = parse({**given, "groundwork:workloads": {"iris": {}, "screening": {}}}, source="test")
        return {image.name: image.group for image in settings.images() if image.name.startswith("training")}

    assert groups() == {"training": "training", "training-lake": "training-lake"}
    assert groups(lake={"administrators": []}) == {"training": "training", "training-lake": "training-iceberg"}


def test_what_brings_nodes_is_built_where_pools_need_it_alone() -> None:
    def built(**pools: Any) -> set[str]:
        cluster = {"administrators": ["arn:aws:iam::123456789012:role/deployer"]}
        account = {"target": "aws", "account": "123456789012", "region": "eu-west-1", "cluster": cluster}
        given = {**account, "database": {"ca": "rds.pem"}, "nodes": {"pools": pools}}
        return {image.name for image in parse({"groundwork:foundation": given}, source="test").images()}

    pool = {"purpose": "general", "families": ["m7i"], "max": 3}
    assert built(general=pool) - built() == {"nodes"}
    assert "postgresql" in built()
    assert "storage" not in built()


def test_programs_of_images_are_compiled_here_and_name_their_versions() -> None:
    programs = {image.program: image.compiled for image in images() if image.program}
    assert programs.keys() == {target.name for target in (*IMAGE_TARGETS, KARPENTER)}
    assert all(compiled and compiled.version for compiled in programs.values())


def test_it_creates_no_resource_of_its_own() -> None:
    tree = ast.parse((REPOSITORY / "stacks/compose.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("pulumi_")}


def test_the_program_is_short() -> None:
    assert len((REPOSITORY / "stacks/__main__.py").read_text().splitlines()) < 40

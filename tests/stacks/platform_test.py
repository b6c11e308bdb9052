import ast

from modules.core.contracts import Tenant
from modules.core.paths import REPOSITORY
from modules.core.releases import Release
from stacks.platform import describe_workload, local_addresses, tenants
from stacks.settings import parse

SETTINGS = parse({"groundwork:workloads": {"iris": {"local_port": 8080}, "rose": {}}}, source="test")


def test_mlflow_keeps_models_and_records() -> None:
    mlflow = tenants(SETTINGS)["mlflow"]
    assert mlflow.buckets == {"artifacts": "write"}
    assert mlflow.database


def test_a_workload_writes_its_data_and_only_reads_models() -> None:
    iris = tenants(SETTINGS)["iris"]
    assert iris.buckets == {"raw": "write", "features": "write", "artifacts": "read"}
    assert not iris.database


def test_only_published_services_have_an_address_on_this_machine() -> None:
    assert local_addresses(SETTINGS) == {
        "gateway": "https://groundwork.localhost:8443",
        "mlflow": "https://mlflow.localhost:8443",
        "airflow": "https://airflow.localhost:8443",
        "iris": "http://127.0.0.1:8080",
    }


def test_a_workload_that_was_never_released_has_an_image_but_no_version() -> None:
    described = describe_workload(None, "image@sha256:1", None)
    assert described == {
        "version": None,
        "image": "image@sha256:1",
        "model_name": None,
        "model_version": None,
        "canary": None,
        "address": None,
    }


def test_a_released_workload_is_described_by_its_pin() -> None:
    release = Release(
        release=4,
        model_name="iris",
        model_version=2,
        model_uri="s3://b/k",
        model_digest=f"sha256:{0:064x}",
        run="r",
    )
    described = describe_workload(release, "image", None)
    assert (described["version"], described["model_name"], described["model_version"]) == (4, "iris", 2)


def test_jenkins_has_a_namespace_and_no_data_unless_it_is_left_out() -> None:
    assert tenants(SETTINGS)["jenkins"] == Tenant(buckets={})
    assert "jenkins" not in tenants(parse({"groundwork:jenkins": {"enabled": False}}, source="test"))


def test_it_creates_no_resource_of_its_own() -> None:
    tree = ast.parse((REPOSITORY / "stacks/platform.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("pulumi_")}


def test_the_program_is_short() -> None:
    assert len((REPOSITORY / "stacks/__main__.py").read_text().splitlines()) < 40

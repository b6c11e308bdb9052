"""The whole platform on what a cloud gives: nothing of it in the cluster, and no module that knows which it is."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modules.core.contracts import Account, Cluster, Consumer, Identity, Reach, Registry
from modules.core.labels import LOCAL_PORT, Labels
from stacks.compose import build
from stacks.configuration import parse
from stacks.foundation import Foundation
from stacks.foundation.namespaces import deploy_namespaces
from stacks.settings import PlatformSettings
from tests.mocks import Declared, declare
from tests.neighbours import CLOUD_DATABASE, CLOUD_ENTRY, CLOUD_STORE

from .conftest import ENVIRONMENT, make_pins

CLUSTER = Cluster(
    name="cloud",
    pod_range="10.0.0.0/16",
    dns=Reach(port=53, ranges=("169.254.20.10/32",)),
    storage_class=None,
    publisher=None,
)
REGISTRY = Registry(push="registry.example/ml", pull="registry.example/ml", pull_secret="registry-login")


def deploy_cloud(settings: PlatformSettings, labels: Labels, consumers: Mapping[str, Consumer]) -> Foundation:
    del settings
    accounts = {
        name: {account: Account(annotations={"cloud.example/role": account}) for account in consumer.accounts}
        for name, consumer in consumers.items()
    }
    identity = Identity(accounts=accounts, reach=Reach(port=443, ranges=("52.94.0.0/22",)))
    provider = k8s.Provider("kubernetes", context="cloud", opts=pulumi.ResourceOptions())
    namespaces = deploy_namespaces(
        consumers,
        store=CLOUD_STORE,
        database=CLOUD_DATABASE,
        identity=identity,
        cluster=CLUSTER,
        labels=labels,
        protected=(),
        opts=pulumi.ResourceOptions(providers=[provider]),
    )
    return Foundation(
        cluster=CLUSTER,
        registry=REGISTRY,
        object_store=CLOUD_STORE,
        database=CLOUD_DATABASE,
        identity=identity,
        entry=CLOUD_ENTRY,
        provider=provider,
        namespaces=namespaces,
        images={},
        addresses={},
    )


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Declared]:
    config: dict[str, Any] = {"groundwork:workloads": {"iris": {}}}
    with pytest.MonkeyPatch.context() as patch:
        make_pins(tmp_path_factory.mktemp("stacks"), patch)
        patch.setattr("stacks.compose.deploy_foundation", deploy_cloud)
        recorder, _ = declare(lambda: build(parse(config, source="test"), ENVIRONMENT))
    return [declared for declared in recorder.declared if declared.is_object]


def of_kind(objects: list[Declared], kind: str) -> list[dict[str, Any]]:
    return [declared.inputs for declared in objects if declared.type.endswith(f":{kind}")]


def test_no_pod_has_keys_of_the_store(objects: list[Declared]) -> None:
    assert [pod for declared in objects for pod in declared.pods()]
    text = json.dumps([declared.inputs for declared in objects], default=str)
    assert "AWS_SHARED_CREDENTIALS_FILE" not in text
    assert "s3-credentials" not in text


def test_the_accounts_of_who_uses_data_have_an_identity_and_no_other(objects: list[Declared]) -> None:
    metadata = [account["metadata"] for account in of_kind(objects, "ServiceAccount")]
    known = {each["name"] for each in metadata if each["annotations"].get("cloud.example/role") == each["name"]}
    parts = ("api-server", "dag-processor", "migration", "scheduler", "triggerer", "worker")
    assert known == {"mlflow", "iris-training", "iris-serving", *(f"airflow-{part}" for part in parts)}
    assert {each["name"] for each in metadata} - known == {"gateway", "jenkins", "jenkins-agent"}


def test_every_pod_pulls_with_the_registrys_login(objects: list[Declared]) -> None:
    accounts = {
        (account["metadata"]["namespace"], account["metadata"]["name"]): account.get("imagePullSecrets")
        for account in of_kind(objects, "ServiceAccount")
    }
    for declared in objects:
        for spec in declared.pod_specs():
            account = (declared.inputs["metadata"]["namespace"], spec["serviceAccountName"])
            assert accounts[account] == [{"name": "registry-login"}], str(declared)


def test_volumes_are_of_the_clusters_default_class(objects: list[Declared]) -> None:
    claims = [claim for each in of_kind(objects, "StatefulSet") for claim in each["spec"]["volumeClaimTemplates"]]
    assert claims
    assert not [claim for claim in claims if "storageClassName" in claim["spec"]]


def test_consumers_reach_data_and_tokens_where_the_cloud_has_them(objects: list[Declared]) -> None:
    opened: dict[str, set[tuple[str, int]]] = {}
    for policy in of_kind(objects, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for end in rule["to"]:
                if "ipBlock" in end and policy["metadata"]["name"].startswith("allow-to-"):
                    places = opened.setdefault(policy["metadata"]["namespace"], set())
                    places |= {(end["ipBlock"]["cidr"], port["port"]) for port in rule["ports"]}
    store = {("52.218.0.0/17", 443), ("3.5.64.0/21", 443), ("52.94.0.0/22", 443)}
    database = {("10.1.0.0/24", 6432)}
    assert opened == {
        "local-iris": store,
        "local-iris-training": store,
        "local-mlflow": store | database,
        "local-airflow": store | database,
    }


def test_people_get_in_by_the_load_balancer_and_by_nothing_else(objects: list[Declared]) -> None:
    services = of_kind(objects, "Service")
    assert [each["metadata"]["name"] for each in services if each["spec"].get("type") == "LoadBalancer"] == ["entry"]
    assert not [each for each in services if LOCAL_PORT in each["metadata"]["annotations"]]


def test_addresses_are_below_the_clouds_domain(objects: list[Declared]) -> None:
    (configured,) = (each["data"] for each in of_kind(objects, "ConfigMap") if "airflow.cfg" in each["data"])
    assert "base_url = https://airflow.ml.example" in configured["airflow.cfg"]
    assert "localhost:8443" not in json.dumps([declared.inputs for declared in objects], default=str)

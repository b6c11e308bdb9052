"""The rules for all pods, each held by every pod: those of the cluster's objects, and those in the documents from which
Airflow, its executor and Jenkins create pods."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import certifi
import pytest
import yaml

from policies.images import is_simulated
from policies.pods import Pod
from stacks.compose import build
from stacks.configuration import parse
from tests.authority import CA
from tests.mocks import Declared, declare

from .conftest import ENVIRONMENT, make_pins

RULES: dict[str, Any] = {
    "user": 1000660000,
    "node_selector": {"pool": "ml"},
    "tolerations": [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}],
    "labels": {"cost-center": "42"},
    "annotations": {"team.example/contact": "someone"},
    "pull_policy": "Always",
    "proxy": {"http": "http://proxy.example:3128", "https": "http://proxy.example:3129", "no_proxy": [".example"]},
    "ca": CA,
}
EXISTING = {"target": "existing", "context": "theirs", "registry": {"push": "registry.example/ml"}}
SIMULATED = {"key": "groundwork.dev/simulated", "operator": "Exists", "effect": "NoSchedule"}
OF_OTHERS = {"task", "worker", "agent"}
"""Components of the pods that Airflow, its executor and Jenkins create."""


def deployed(rules: dict[str, Any], folder: Path, *, existing: bool = False) -> list[Declared]:
    """existing: on a cluster that somebody else runs, where nothing is simulated."""
    config: dict[str, Any] = {
        "groundwork:foundation": {**(EXISTING if existing else {}), "pods": rules},
        "groundwork:jenkins": {"enabled": not existing},
        "groundwork:airflow": {"executor": "KubernetesExecutor"},
        "groundwork:workloads": {"iris": {}},
    }
    with pytest.MonkeyPatch.context() as patch:
        make_pins(folder, patch)
        recorder, _ = declare(lambda: build(parse(config, source="test"), ENVIRONMENT))
    return [declared for declared in recorder.declared if declared.is_object]


def documents(content: Any) -> Iterator[Pod]:
    """The pods in a document, also where the document of a pod is a text in another one."""
    match content:
        case str() if "kind" in content:
            with suppress(yaml.YAMLError):  # some other text
                found = yaml.load(content, yaml.CSafeLoader)
                yield from () if isinstance(found, str) else documents(found)
        case {"kind": "Pod", "metadata": metadata, "spec": spec}:
            yield Pod(metadata, spec)
        case dict():
            yield from documents([*cast(dict[Any, Any], content).values()])
        case list():
            for each in cast(list[Any], content):
                yield from documents(each)
        case _:
            pass


def pods_of(objects: list[Declared]) -> list[Pod]:
    maps = [each.inputs["data"] for each in objects if each.type.endswith(":ConfigMap")]
    return [*(pod for each in objects for pod in each.pods()), *documents(maps)]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Declared]:
    return deployed(RULES, tmp_path_factory.mktemp("stacks"))


@pytest.fixture(scope="module")
def pods(objects: list[Declared]) -> list[Pod]:
    return pods_of(objects)


def test_every_kind_of_pod_is_among_them(pods: list[Pod]) -> None:
    components = {pod.metadata["labels"]["app.kubernetes.io/component"] for pod in pods}
    assert components >= {"server", "proxy", "training", "check", "buckets", "consumers", "migration", *OF_OTHERS}


def test_every_pod_runs_as_the_one_user(pods: list[Pod]) -> None:
    for pod in pods:
        context = pod.spec["securityContext"]
        assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {1000660000}, pod.metadata


def test_no_pod_names_a_user_where_that_is_left_to_the_cluster(tmp_path_factory: pytest.TempPathFactory) -> None:
    pods = pods_of(deployed({"user": None}, tmp_path_factory.mktemp("stacks"), existing=True))
    assert pods
    for pod in pods:
        assert pod.spec["securityContext"]["runAsNonRoot"] is True
        assert not pod.spec["securityContext"].keys() & {"runAsUser", "runAsGroup", "fsGroup"}, pod.metadata
        assert not any("runAsUser" in container["securityContext"] for container in pod.containers()), pod.metadata


def test_every_pod_goes_to_the_chosen_nodes_and_a_simulated_one_to_its_own_of_them(pods: list[Pod]) -> None:
    for pod in pods:
        simulated = {"groundwork.dev/simulated": "true"} if is_simulated(pod) else {}
        assert pod.spec["nodeSelector"] == {"pool": "ml", **simulated}, pod.metadata
        tolerations = [SIMULATED] if is_simulated(pod) else []
        assert pod.spec["tolerations"] == [*tolerations, RULES["tolerations"][0] | {"operator": "Equal"}], pod.metadata


def test_every_pod_has_the_labels_and_annotations_beside_the_platforms_own(pods: list[Pod]) -> None:
    for pod in pods:
        assert pod.metadata["labels"]["cost-center"] == "42", pod.metadata
        assert pod.metadata["labels"]["groundwork.dev/environment"] == ENVIRONMENT
        assert pod.metadata["annotations"]["team.example/contact"] == "someone", pod.metadata


def test_no_selector_asks_for_the_extra_labels(objects: list[Declared]) -> None:
    """A selector never changes: a label that can would take its pods away from an object."""
    for declared in objects:
        assert "cost-center" not in json.dumps(declared.inputs.get("spec", {}).get("selector", {})), str(declared)


def test_every_container_is_pulled_as_it_is_said(pods: list[Pod]) -> None:
    for pod in pods:
        assert {container["imagePullPolicy"] for container in pod.containers()} == {"Always"}, pod.metadata


def variables(container: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container.get("env", [])}


def test_every_container_takes_the_proxy_to_what_is_outside_of_the_cluster_alone(pods: list[Pod]) -> None:
    inside = "localhost,127.0.0.1,::1,.svc,.svc.cluster.local,$(KUBERNETES_SERVICE_HOST),10.80.0.0/18"
    expected = {
        "http_proxy": "http://proxy.example:3128",
        "https_proxy": "http://proxy.example:3129",
        "no_proxy": f"{inside},.example",
    }
    expected |= {name.upper(): value for name, value in expected.items()}
    for pod in pods:
        for container in pod.containers():
            assert variables(container).items() >= expected.items(), container["name"]


def test_jenkins_reaches_the_proxy_and_who_has_all_in_the_cluster_does_not(objects: list[Declared]) -> None:
    policies = [each.inputs["metadata"] for each in objects if each.type.endswith(":NetworkPolicy")]
    found = {(each["namespace"], each["name"]) for each in policies if "proxy" in each["name"]}
    assert found == {("local-jenkins", "allow-to-proxy-3128"), ("local-jenkins", "allow-to-proxy-3129")}


def test_every_container_trusts_the_authority_by_a_file_of_its_namespace(
    objects: list[Declared], pods: list[Pod]
) -> None:
    files = {
        (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]): each.inputs["data"]
        for each in objects
        if each.inputs["metadata"]["labels"]["app.kubernetes.io/component"] == "trust"
    }
    (name,) = {name for _, name in files}
    namespaces = {each.inputs["metadata"]["name"] for each in objects if each.type.endswith(":Namespace")}
    assert {namespace for namespace, _ in files} == namespaces
    for pod in pods:
        assert {"name": "trust", "configMap": {"name": name}} in pod.spec["volumes"], pod.metadata
        for container in pod.containers():
            assert {"name": "trust", "mountPath": "/etc/groundwork/trust", "readOnly": True} in container[
                "volumeMounts"
            ]
            for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO"):
                assert variables(container)[variable] == "/etc/groundwork/trust/ca.pem", container["name"]


def test_java_takes_the_proxy_and_trusts_the_authority(pods: list[Pod]) -> None:
    (jenkins,) = (pod for pod in pods if "initContainers" in pod.spec)
    trust, *java = jenkins.containers()
    assert variables(trust).items() >= {"OWN": "/etc/groundwork/trust/own.pem", "TRUST_STORE": "/tmp/trusted"}.items()
    assert [container["name"] for container in java] == ["plugins", "jenkins"]
    for container in java:
        assert variables(container)["JAVA_TOOL_OPTIONS"].split() == [
            "-Dhttp.proxyHost=proxy.example",
            "-Dhttp.proxyPort=3128",
            "-Dhttps.proxyHost=proxy.example",
            "-Dhttps.proxyPort=3129",
            "-Dhttp.nonProxyHosts=localhost|127.0.0.1|::1|*.svc|*.svc.cluster.local|$(KUBERNETES_SERVICE_HOST)|*.example",
            "-Djavax.net.ssl.trustStore=/tmp/trusted",
            "-Djavax.net.ssl.trustStorePassword=changeit",
        ]


def test_the_file_holds_the_public_authorities_and_the_own_one(objects: list[Declared]) -> None:
    text = next(each.inputs["data"]["ca.pem"] for each in objects if each.name == "mlflow-trust")
    begin = "-----BEGIN CERTIFICATE-----"
    assert text.endswith(CA)
    assert next(each.inputs["data"]["own.pem"] for each in objects if each.name == "mlflow-trust") == CA
    assert text.count(begin) == certifi.contents().count(begin) + 1
    assert len(text.encode()) < 512 * 1024


def test_without_rules_a_pod_has_the_images_user_and_nothing_of_the_rest(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for pod in pods_of(deployed({}, tmp_path_factory.mktemp("stacks"))):
        assert pod.spec["securityContext"]["runAsUser"] == 10001
        assert is_simulated(pod) or not pod.spec.keys() & {"nodeSelector", "tolerations"}
        assert "trust" not in {volume["name"] for volume in pod.spec["volumes"]}
        for container in pod.containers():
            assert "imagePullPolicy" not in container
            assert not {"no_proxy", "SSL_CERT_FILE"} & variables(container).keys()


def test_no_server_of_the_cluster_is_asked_for_through_the_proxy(pods: list[Pod]) -> None:
    """A name without a domain would be: nothing says of it that it is the cluster's."""
    addresses = [value for pod in pods for each in pod.containers() for value in variables(each).values()]
    hosts = {urlsplit(address).hostname or "" for address in addresses if address.startswith("http://")}
    assert hosts - {"proxy.example"}
    assert all(host.endswith(".svc.cluster.local") for host in hosts - {"proxy.example"}), hosts

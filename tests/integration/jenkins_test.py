"""Jenkins as the API server and the scheduler have it: no registry here holds its image, so nothing of it ever ran."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from modules.core.paths import REPOSITORY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import settings_file

from .conftest import STACK, run

NAMESPACE = f"{STACK}-jenkins"
SCHEMA = REPOSITORY / "tests/modules/jenkins/casc.schema.json"
TOKEN = "not-the-token-of-anybody"
CONTROLLER, AGENT = (f"system:serviceaccount:{NAMESPACE}:{account}" for account in ("jenkins", "jenkins-agent"))


@pytest.fixture(scope="module")
def with_jobs(platform: Environment) -> Environment:
    """The platform whose Jenkins has the pipelines of a repository that nobody has, set as a person does."""
    shell = f'eval "$(scripts/env {STACK})"'
    set_it = f"pulumi config set -s {STACK}"
    token = f'{shell}; printf %s "$TOKEN" | {set_it} --secret groundwork:github_token'
    run("bash", "-c", token, env={"TOKEN": TOKEN})
    run("bash", "-c", f"{shell}; {set_it} --path groundwork:jenkins.repository someone/groundwork")
    run("scripts/up", STACK)
    return platform


@pytest.fixture
def configuration(with_jobs: Environment) -> dict[str, str]:
    """The files that Jenkins would read, from the pod that would read them."""
    pod = kubectl.get(with_jobs, "pod", "jenkins-0", "-n", NAMESPACE)
    assert pod is not None
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    found = kubectl.get(with_jobs, "configmap", volumes["configuration"]["configMap"]["name"], "-n", NAMESPACE)
    assert found is not None
    return found["data"]


def agent_pod(configuration: dict[str, str]) -> dict[str, Any]:
    """As the plugin would start it, which gives it a name."""
    (cloud,) = yaml.safe_load(configuration["jenkins.yaml"])["jenkins"]["clouds"]
    pod = yaml.safe_load(cloud["kubernetes"]["templates"][0]["yaml"])
    pod["metadata"] |= {"name": "agent", "namespace": NAMESPACE}
    return pod


def test_it_is_placed_on_a_simulated_node_with_its_home(platform: Environment) -> None:
    pod = kubectl.get(platform, "pod", "jenkins-0", "-n", NAMESPACE)
    assert pod is not None
    node = kubectl.get(platform, "node", pod["spec"]["nodeName"])
    assert node is not None
    assert node["metadata"]["labels"]["groundwork.dev/simulated"] == "true"
    claim = kubectl.get(platform, "pvc", "home-jenkins-0", "-n", NAMESPACE)
    assert claim is not None
    assert claim["status"]["phase"] == "Bound"


def test_nothing_else_is_on_a_simulated_node_or_says_that_it_is(platform: Environment) -> None:
    pods = kubectl.items(platform, "pods", "-A", "-l", "app.kubernetes.io/part-of=groundwork")
    on_simulated = {p["metadata"]["name"] for p in pods if p["spec"].get("nodeName", "").startswith("simulated-")}
    labelled = {p["metadata"]["name"] for p in pods if "groundwork.dev/simulated" in p["metadata"]["labels"]}
    assert on_simulated == labelled == {"jenkins-0"}


def test_its_configuration_has_only_documented_keys(configuration: dict[str, str]) -> None:
    assert configuration.keys() == {"jenkins.yaml", "jobs.groovy", "plugins.txt"}
    validator: Any = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(configuration["jenkins.yaml"]))] == []


def test_no_secret_is_in_its_configuration(with_jobs: Environment, configuration: dict[str, str]) -> None:
    values = kubectl.secret(with_jobs, NAMESPACE, "jenkins") or {}
    assert values.keys() == {"admin-password", "github-token"}
    assert values["github-token"] == TOKEN
    assert TOKEN not in settings_file(STACK).read_text()
    for value in values.values():
        assert not any(value in text for text in configuration.values())


def test_its_agents_pods_pass_pod_security_and_privileged_ones_do_not(
    shell: dict[str, str], configuration: dict[str, str]
) -> None:
    pod = agent_pod(configuration)
    create = ("kubectl", "create", "--dry-run=server", "-f")
    run(*create, json_file(pod), env=shell)
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    done = run(*create, json_file(pod), env=shell, check=False)
    assert done.returncode != 0
    assert "privileged" in done.stderr
    pod = agent_pod(configuration)
    pod["spec"]["volumes"].append({"name": "docker", "hostPath": {"path": "/var/run/docker.sock"}})
    done = run(*create, json_file(pod), env=shell, check=False)
    assert 'violates PodSecurity "restricted' in done.stderr


def json_file(document: dict[str, Any]) -> str:
    path = REPOSITORY / ".pipeline" / "pod.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize(
    ("who", "may", "namespace", "answer"),
    [
        (CONTROLLER, "create pods", NAMESPACE, "yes"),
        (CONTROLLER, "get pods/log", NAMESPACE, "yes"),
        (CONTROLLER, "create pods", f"{STACK}-iris", "no"),
        (CONTROLLER, "create pods", f"{STACK}-iris-training", "no"),
        (CONTROLLER, "get secrets", NAMESPACE, "no"),
        (CONTROLLER, "create roles.rbac.authorization.k8s.io", NAMESPACE, "no"),
        (AGENT, "create pods", NAMESPACE, "no"),
        (AGENT, "get secrets", NAMESPACE, "no"),
    ],
)
def test_rights_end_at_its_namespace(shell: dict[str, str], who: str, may: str, namespace: str, answer: str) -> None:
    done = run("kubectl", "auth", "can-i", *may.split(), f"--as={who}", "-n", namespace, env=shell, check=False)
    assert done.stdout.strip() == answer


@pytest.mark.usefixtures("platform")
def test_status_says_that_it_is_simulated_and_why() -> None:
    report = json.loads(run(".venv/bin/groundwork", "status", STACK, "--json").stdout)
    services = {service["name"]: service for service in report["services"]}
    jenkins = services.pop("jenkins")
    assert (jenkins["kind"], jenkins["version"]) == ("simulated", "2.568.2-jdk21")
    assert "digest unresolved: docker.io/jenkins/jenkins:2.568.2-jdk21" in jenkins["because"]
    assert "never loaded by Jenkins" in jenkins["because"]
    assert {service["kind"] for service in services.values()} == {"real"}
    assert all(service["version"] not in {"", "unknown"} for service in services.values())
    assert {service["because"] for service in services.values()} == {None}


@pytest.mark.usefixtures("platform")
def test_status_tells_the_champion_and_what_serves() -> None:
    (iris,) = json.loads(run(".venv/bin/groundwork", "status", STACK, "--json").stdout)["workloads"]
    assert iris["workload"] == "iris"
    assert iris["champion"] >= 1
    assert iris["release"] >= 1
    assert iris["version"] >= 1
    assert "/serving@sha256:" in iris["image"]
    assert "never loaded by Jenkins" in run(".venv/bin/groundwork", "status", STACK).stdout


@pytest.mark.usefixtures("platform")
def test_its_administrator_has_a_generated_password() -> None:
    (login,) = json.loads(run(".venv/bin/groundwork", "credentials", "jenkins", "--stack", STACK, "--json").stdout)
    assert login["username"] == "admin"
    assert len(login["password"]) == 40

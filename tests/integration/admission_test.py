"""What a DAG's author tries with what a task has: Airflow's keys, and the pods that its accounts may start."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.images import read_images
from modules.database.consumers import CLIENT_SECRET
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

from .airflow_test import until
from .conftest import STACK

AIRFLOW, TRAINING, SERVING = f"{STACK}-airflow", f"{STACK}-iris-training", f"{STACK}-iris"
WORKER, SCHEDULER = (f"system:serviceaccount:{AIRFLOW}:airflow-{role}" for role in ("worker", "scheduler"))
READ = """
cat $(find -L /var/run/groundwork /etc/groundwork /tmp -type f) /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n'
"""
"""All that a process of a pod finds in its files and in the environment of the processes beside it."""
KEYS = {"airflow-keys": ("fernet-key", "jwt-secret", "secret-key"), CLIENT_SECRET: ("password", "uri")}
Change = Callable[[dict[str, Any]], None]


def content(platform: Environment, pod: str, container: str) -> str:
    return kubectl.run(platform, "exec", "-n", AIRFLOW, pod, "-c", container, "--", "sh", "-c", READ)


@pytest.fixture(scope="module")
def keys(platform: Environment) -> dict[str, str]:
    """The values that no task may know, by name."""
    secrets = {name: kubectl.secret(platform, AIRFLOW, name) or {} for name in KEYS}
    logins = kubectl.secret(platform, AIRFLOW, "airflow-login") or {}
    found = {key: secrets[name][key] for name, wanted in KEYS.items() for key in wanted}
    return {**found, **{f"login of {user}": logins[user] for user in ("admin", "user", "viewer")}}


@pytest.fixture(scope="module")
def task(platform: Environment) -> str:
    """A pod in which a task's code runs: the sensor of iris_new_data waits all the time."""

    def running() -> str | None:
        found = kubectl.items(platform, "pods", "-n", AIRFLOW, "-l", "app.kubernetes.io/component=worker")
        return next((each["metadata"]["name"] for each in found if each["status"]["phase"] == "Running"), None)

    return until(running)


def test_a_tasks_process_finds_no_key_of_airflow_and_no_way_to_its_database(
    platform: Environment, task: str, keys: dict[str, str]
) -> None:
    seen = content(platform, task, "base")
    assert {name for name, value in keys.items() if value in seen} == set()
    assert f"postgresql.{STACK}-database" not in seen
    assert "AIRFLOW_CONFIG" in seen  # that the attempt reads what is there


def test_a_part_finds_the_keys_that_it_needs_and_no_others(platform: Environment, keys: dict[str, str]) -> None:
    expected = {
        "scheduler": {"fernet-key", "jwt-secret", "password", "uri"},
        "dag-processor": {"password", "uri"},
        "triggerer": {"fernet-key", "secret-key", "password", "uri"},
        "api-server": keys.keys(),
    }
    for part, names in expected.items():
        seen = content(platform, f"deploy/airflow-{part}", part)
        assert {name for name, value in keys.items() if value in seen} == names, part


@pytest.fixture(scope="module")
def documents(platform: Environment) -> dict[str, dict[str, Any]]:
    """The pods that Airflow may start, by what they are for: what `configuration` and `worker` have."""
    found: dict[str, dict[str, Any]] = {}
    scheduler = kubectl.get(platform, "deployment", "airflow-scheduler", "-n", AIRFLOW)
    assert scheduler is not None
    for volume in scheduler["spec"]["template"]["spec"]["volumes"]:
        if "configMap" in volume:
            files = kubectl.get(platform, "configmap", volume["configMap"]["name"], "-n", AIRFLOW)
            assert files is not None
            found |= {name: json.loads(text) for name, text in files["data"].items() if name.endswith(".json")}
    task, worker = found["iris.train_rf.json"], found["pod.json"]
    for document, namespace in ((task, TRAINING), (worker, AIRFLOW)):
        document["metadata"] |= {"name": "attempt", "namespace": namespace}
    return {"task": task, "worker": worker}


def attempt(platform: Environment, account: str, document: dict[str, Any]) -> str:
    """Start a pod as an account of Airflow, as far as the API server lets it: what it answers."""
    try:
        command = ("create", "-f", "-", "--dry-run=server", "--as", account)
        return kubectl.run(platform, *command, stdin=json.dumps(document))
    except UserError as refusal:
        return str(refusal)


def with_sidecar(pod: dict[str, Any]) -> None:
    """As Airflow adds it."""
    image = next(each for each in pod["spec"]["containers"] if each["name"] == "task")["image"]
    registry = image.rpartition("/")[0]
    xcom = read_images(STACK)["xcom"]
    reference = f"{registry}/xcom:{xcom.version}@{xcom.digest}"
    sidecar = deepcopy(pod["spec"]["containers"][0]) | {"name": "airflow-xcom-sidecar", "image": reference}
    pod["spec"]["containers"].append(sidecar)


def another_image(pod: dict[str, Any]) -> None:
    """One of the platform's own: of others the cluster itself refuses all."""
    registry = pod["spec"]["containers"][0]["image"].rpartition("/")[0]
    mlflow = read_images(STACK)["mlflow"]
    pod["spec"]["containers"][0]["image"] = f"{registry}/mlflow:{mlflow.version}@{mlflow.digest}"


def the_image_by_its_tag(pod: dict[str, Any]) -> None:
    container = pod["spec"]["containers"][0]
    container["image"] = container["image"].partition("@")[0]


def refusals(change: Change) -> tuple[str, ...]:
    """How an answer is known: an image without a digest is refused by the cluster's policy too, and one answers."""
    return ("Airflow may not do that", *(["groundwork-images"] if change is the_image_by_its_tag else []))


def a_first_container(pod: dict[str, Any]) -> None:
    pod["spec"]["initContainers"] = [{**pod["spec"]["containers"][0], "name": "first"}]


def another_account(name: str) -> Change:
    def change(pod: dict[str, Any]) -> None:
        pod["spec"]["serviceAccountName"] = name

    change.__name__ = f"the_account_{name}"
    return change


def a_secret(name: str) -> Change:
    def change(pod: dict[str, Any]) -> None:
        pod["spec"].setdefault("volumes", []).append({"name": "taken", "secret": {"secretName": name}})

    change.__name__ = f"the_secret_{name}"
    return change


def a_secret_among_others(pod: dict[str, Any]) -> None:
    sources = [{"secret": {"name": "airflow-keys"}}]
    pod["spec"].setdefault("volumes", []).append({"name": "taken", "projected": {"sources": sources}})


def a_secrets_variable(pod: dict[str, Any]) -> None:
    reference = {"secretKeyRef": {"name": "airflow-keys", "key": "jwt-secret"}}
    pod["spec"]["containers"][0].setdefault("env", []).append({"name": "TAKEN", "valueFrom": reference})


def all_variables_of_a_secret(pod: dict[str, Any]) -> None:
    pod["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "airflow-keys"}}]


def the_labels_of(component: str) -> Change:
    def change(pod: dict[str, Any]) -> None:
        pod["metadata"]["labels"]["app.kubernetes.io/component"] = component

    change.__name__ = f"the_labels_of_{component}"
    return change


IN_BOTH = [
    another_image,
    the_image_by_its_tag,
    a_first_container,
    another_account("default"),
    a_secret("airflow-keys"),
    a_secret_among_others,
    a_secrets_variable,
    all_variables_of_a_secret,
]


@pytest.mark.parametrize("change", [*IN_BOTH, the_labels_of("training")])
def test_a_task_starts_no_other_pod_than_its_own(
    platform: Environment, documents: dict[str, dict[str, Any]], change: Change
) -> None:
    pod = deepcopy(documents["task"])
    assert "created" in attempt(platform, WORKER, pod)
    with_sidecar(pod)
    assert "created" in attempt(platform, WORKER, pod)
    change(pod)
    assert any(each in attempt(platform, WORKER, pod) for each in refusals(change))


def test_a_task_has_no_account_of_a_model_server(platform: Environment, documents: dict[str, dict[str, Any]]) -> None:
    pod = deepcopy(documents["task"])
    another_account("iris-serving")(pod)
    assert "forbidden" in attempt(platform, WORKER, pod)


@pytest.mark.parametrize("change", [*IN_BOTH, another_account("airflow-scheduler"), the_labels_of("api-server")])
def test_what_runs_a_task_is_no_other_pod_than_the_declared_one(
    platform: Environment, documents: dict[str, dict[str, Any]], change: Change
) -> None:
    """Whatever `executor_config` of a DAG says, by which the scheduler changes it."""
    pod = deepcopy(documents["worker"])
    assert "created" in attempt(platform, SCHEDULER, pod)
    change(pod)
    assert any(each in attempt(platform, SCHEDULER, pod) for each in refusals(change))


@pytest.mark.parametrize("account", [WORKER, SCHEDULER])
@pytest.mark.parametrize("namespace", [SERVING, f"{STACK}-mlflow", f"{STACK}-database", "kube-system"])
def test_pods_elsewhere_are_refused(
    platform: Environment, documents: dict[str, dict[str, Any]], account: str, namespace: str
) -> None:
    pod = deepcopy(documents["task"])
    pod["metadata"]["namespace"] = namespace
    assert "forbidden" in attempt(platform, account, pod)


@pytest.fixture(scope="module")
def neighbour(platform: Environment, documents: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A pod that is not Airflow's, where its tasks run: with the labels of a training that a person started."""
    pod = deepcopy(documents["task"])
    pod["metadata"]["name"] = "neighbour"
    the_labels_of("training")(pod)
    pod["spec"]["containers"][0]["command"] = ["python", "-c", "import time; time.sleep(600)"]
    kubectl.run(platform, "create", "-f", "-", stdin=json.dumps(pod))
    kubectl.run(platform, "wait", "--for=condition=Ready", "--timeout=60s", "-n", TRAINING, "pod/neighbour")
    yield "neighbour"
    kubectl.run(platform, "delete", "pod", "neighbour", "-n", TRAINING, "--grace-period=1")


@pytest.mark.parametrize(
    "command",
    [
        ("delete", "pod", "neighbour", "--dry-run=server"),
        ("label", "pod", "neighbour", "taken=true", "--dry-run=server"),
        ("label", "pod", "neighbour", "app.kubernetes.io/component=task", "--overwrite", "--dry-run=server"),
        ("exec", "neighbour", "-c", "task", "--", "id"),
    ],
)
def test_a_task_leaves_the_pods_of_others_alone(
    platform: Environment, neighbour: str, command: tuple[str, ...]
) -> None:
    assert neighbour in command
    kubectl.run(platform, *command[:1], "-n", TRAINING, *command[1:])
    with pytest.raises(UserError, match="Airflow may not do that"):
        kubectl.run(platform, *command[:1], "-n", TRAINING, "--as", WORKER, *command[1:])


def test_a_task_has_no_way_into_a_model_server(platform: Environment) -> None:
    inside = ("exec", "-n", SERVING, "deploy/iris")
    assert "uid=" in kubectl.run(platform, *inside, "--", "id")
    for account in (WORKER, SCHEDULER):
        with pytest.raises(UserError, match="orbidden"):
            kubectl.run(platform, *inside, "--as", account, "--", "id")

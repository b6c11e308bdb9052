"""The model registry, poisoned from where an attacker stands: a model server, another user of this machine, a pod that
MLflow's port is open to, and the training of another model. What is refused to them is done once by who may."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scripts.cli.clients import gateway, kubectl
from scripts.cli.environment import Environment

from .conftest import STACK
from .isolation_test import await_rules, idle

INSIDE = f"http://mlflow.{STACK}-mlflow.svc.cluster.local:5000"
API, FILES = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts"
LOGIN = "/tmp/.mlflow"
"""Where a training finds its login."""
TRY = """
import base64, json, pathlib, ssl, sys, urllib.error, urllib.request
base, login, asked = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
trusting = ssl._create_unverified_context()
def state(method, path, body):
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers)
    if login:
        name, word = (pathlib.Path(login, key).read_text() for key in ("username", "password"))
        request.add_header("authorization", "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]
    except OSError as error:
        return [0, str(error)]
print(json.dumps([state(*each) for each in asked]))
"""
Step = tuple[str, str, Any]
Answers = list[tuple[int, str]]
"""(status, text) of each step; 0 where nothing answered."""
CHAIN: list[Step] = [
    ("POST", f"{API}experiments/search", {"max_results": 10}),
    ("GET", f"{API}registered-models/alias?name=iris&alias=champion", None),
    ("GET", f"{FILES}?path=1", None),
    ("PUT", f"{FILES}/audit/model/MLmodel", {}),
    ("POST", f"{API}registered-models/create", {"name": "audit"}),
    ("POST", f"{API}model-versions/create", {"name": "iris", "source": "s3://test-artifacts/mlflow/audit/model"}),
    ("POST", f"{API}registered-models/alias", {"name": "iris", "alias": "audit", "version": "1"}),
    ("DELETE", f"{API}registered-models/alias?name=iris&alias=champion", None),
    ("DELETE", f"{FILES}/1", None),
    ("POST", "/graphql", {"query": "{ mlflowSearchModelVersions(input: {}) { modelVersions { name } } }"}),
    ("GET", "/", None),
]


def tried_in(platform: Environment, place: str, pod: str, steps: list[Step], *, login: str = "") -> Answers:
    """place: a namespace's name, without the stack's; with :CONTAINER where it has several."""
    name, _, container = place.partition(":")
    chosen = ("-c", container) if container else ()
    command = ("exec", "-n", f"{STACK}-{name}", pod, *chosen, "--", "python", "-c", TRY)
    return json.loads(kubectl.run(platform, *command, INSIDE, login, json.dumps(steps)))


def tried_by_nobody(base: str, steps: list[Step]) -> Answers:
    """As another user of this machine."""
    command = ["setpriv", "--reuid=nobody", "--clear-groups", sys.executable, "-c", TRY, base, "", json.dumps(steps)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def statuses(answers: Answers) -> set[int]:
    return {status for status, _ in answers}


@pytest.fixture(scope="module")
def people(platform: Environment) -> Iterator[httpx.Client]:
    """Who may do everything, at the address of the interface."""
    login = gateway.mlflow_login(platform)
    with gateway.client(platform, gateway.service_address(platform, "mlflow"), login) as client:
        yield client


@pytest.fixture(scope="module")
def training(platform: Environment) -> Iterator[str]:
    """A pod as a training of iris is, with its login."""
    namespace = f"{STACK}-iris-training"
    job = kubectl.get(platform, "cronjob", "iris-train", "-n", namespace)
    assert job is not None
    template: dict[str, Any] = job["spec"]["jobTemplate"]["spec"]["template"]
    with idle(platform, namespace, "idle-poisoner", template["spec"], template["metadata"]["labels"]) as pod:
        await_rules(platform, pod, "iris-training")
        yield pod


@pytest.fixture(scope="module")
def rose(people: httpx.Client) -> Iterator[dict[str, str]]:
    """Of another workload: the ids of an experiment and of a run in it, a registered model of the name."""

    def done(path: str, content: dict[str, Any], method: str = "POST") -> dict[str, Any]:
        return people.request(method, f"{API}{path}", json=content).raise_for_status().json()

    experiment = done("experiments/create", {"name": "rose"})["experiment_id"]
    run = done("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    done("registered-models/create", {"name": "rose"})
    people.put(f"{FILES}/{experiment}/{run}/artifacts/a.txt", content=b"theirs").raise_for_status()
    yield {"experiment": experiment, "run": run}
    people.delete(f"{FILES}/{experiment}").raise_for_status()
    done("registered-models/delete", {"name": "rose"}, "DELETE")
    # Its name is kept with what is deleted: another run of this test needs it.
    done("experiments/update", {"experiment_id": experiment, "new_name": f"rose-{run}"})
    done("experiments/delete", {"experiment_id": experiment})


def test_a_model_server_takes_no_step_of_the_chain(platform: Environment) -> None:
    assert statuses(tried_in(platform, "iris", "deploy/iris", CHAIN)) <= {0, 401}


def test_another_user_of_this_machine_takes_no_step_of_the_chain(platform: Environment) -> None:
    assert statuses(tried_by_nobody(gateway.service_address(platform, "mlflow"), CHAIN)) == {401}
    (pod,) = kubectl.items(platform, "pods", "-n", f"{STACK}-mlflow", "-l", "app.kubernetes.io/component=server")
    assert statuses(tried_by_nobody(f"http://{pod['status']['podIP']}:5000", CHAIN[:2])) <= {0, 401}


def test_a_pod_that_reaches_mlflow_takes_no_step_without_a_login_and_none_that_writes_with_the_landing_pages(
    platform: Environment,
) -> None:
    """In the gateway's pod, which no network policy keeps from MLflow; the control is the one thing that it may ask."""
    place, pod = "gateway:portal", "deploy/gateway"
    assert statuses(tried_in(platform, place, pod, CHAIN)) == {401}
    assert tried_in(platform, place, pod, [("GET", "/health", None)]) == [[200, "OK"]]
    answers = tried_in(platform, place, pod, CHAIN, login="/var/run/groundwork/mlflow")
    assert [status for status, _ in answers] == [
        200 if "alias?name=iris&alias=champion" in path and method == "GET" else 403 for method, path, _ in CHAIN
    ]


def test_a_training_is_refused_what_belongs_to_another_by_its_name(
    platform: Environment, training: str, rose: dict[str, str]
) -> None:
    experiment, run = rose["experiment"], rose["run"]
    attempts: list[tuple[Step, str]] = [
        (("POST", f"{API}experiments/search", {"max_results": 10}), "experiments/search"),
        (("POST", f"{API}experiments/create", {"name": "tulip"}), "name is 'tulip'"),
        (("POST", f"{API}experiments/create", {"name": "iris", "artifact_location": "file:///tmp"}), "file:///tmp"),
        (
            ("POST", f"{API}experiments/create", {"name": "iris", "artifact_location": "s3://test-logs/x"}),
            "s3://test-logs/x",
        ),
        (("POST", f"{API}runs/create", {"experiment_id": experiment}), f"experiment '{experiment}'"),
        (("POST", f"{API}runs/log-parameter", {"run_id": run, "key": "a", "value": "b"}), f"run '{run}'"),
        (("GET", f"{FILES}/{experiment}/{run}/artifacts/a.txt", None), f"experiment '{experiment}'"),
        (("PUT", f"{FILES}/{experiment}/{run}/artifacts/a.txt", {}), f"experiment '{experiment}'"),
        (("DELETE", f"{FILES}/{experiment}", None), "may not DELETE"),
        (("DELETE", f"{FILES}/1", None), "may not DELETE"),
        (("POST", f"{API}registered-models/alias", {"name": "rose", "alias": "champion", "version": "1"}), "'rose'"),
        (("POST", f"{API}model-versions/create", {"name": "rose", "source": "models:/m-1"}), "'rose'"),
        (
            ("POST", f"{API}model-versions/create", {"name": "iris", "source": "file:///var/run/groundwork"}),
            "file:///var",
        ),
        (("POST", f"{API}model-versions/create", {"name": "iris", "source": "s3://test-artifacts/mlflow/x"}), "'s3://"),
        (("POST", "/graphql", {"query": "{}"}), "/graphql"),
    ]
    answers = tried_in(platform, "iris-training", training, [step for step, _ in attempts], login=LOGIN)
    for (step, named), (status, text) in zip(attempts, answers, strict=True):
        assert status == 403, (step, text)
        assert named in json.loads(text)["message"], step


def test_a_training_writes_its_own_runs_and_files(platform: Environment, training: str, people: httpx.Client) -> None:
    named = ("GET", f"{API}experiments/get-by-name?experiment_name=iris", None)
    ((status, text),) = tried_in(platform, "iris-training", training, [named], login=LOGIN)
    assert status == 200, text
    experiment = json.loads(text)["experiment"]["experiment_id"]
    begun = ("POST", f"{API}runs/create", {"experiment_id": experiment})
    ((status, text),) = tried_in(platform, "iris-training", training, [begun], login=LOGIN)
    assert status == 200, text
    run = json.loads(text)["run"]["info"]["run_id"]
    file = f"{FILES}/{experiment}/{run}/artifacts/own.txt"
    steps = [("PUT", file, {"own": True}), ("GET", file, None)]
    answers = tried_in(platform, "iris-training", training, steps, login=LOGIN)
    assert [status for status, _ in answers] == [200, 200]
    assert answers[1][1] == '{"own": true}'
    people.delete(f"{FILES}/{experiment}/{run}").raise_for_status()
    people.post(f"{API}runs/delete", json={"run_id": run}).raise_for_status()


@pytest.mark.parametrize(
    "source", ["file:///var/run/groundwork", "s3://test-logs/x", "http://example.com/x", "dbfs:/x"]
)
def test_nobody_registers_a_model_from_outside_of_the_artifacts(people: httpx.Client, source: str) -> None:
    answer = people.post(f"{API}model-versions/create", json={"name": "iris", "source": source})
    assert answer.status_code == 400
    assert "Invalid model version source" in answer.text


@pytest.mark.parametrize("location", ["file:///var/run/groundwork", "/", "s3://test-logs/", "dbfs:/x"])
def test_nobody_chooses_where_the_files_of_an_experiment_lie(people: httpx.Client, location: str) -> None:
    answer = people.post(f"{API}experiments/create", json={"name": "elsewhere", "artifact_location": location})
    assert answer.status_code == 403
    assert repr(location) in answer.json()["message"]
    found = people.get(f"{API}experiments/get-by-name", params={"experiment_name": "elsewhere"})
    assert found.status_code == 404

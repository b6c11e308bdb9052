"""Airflow as its users meet it: through its API, with a DAG whose tasks run in pods. The tests run in order."""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import boto3
import httpx
import pytest

from modules.airflow.documents import ROLES_OF_USERS
from modules.core.images import read_images
from scripts.cli.clients import gateway, kubectl
from scripts.cli.environment import Environment

from .conftest import STACK, run
from .workloads_test import Mlflow

DAG = "model_training_selection"
TASKS = {"feature_engineering", "train_rf", "train_gb", "select_best_model"}
RUN_SECONDS = 300
"""Far more than a run takes: about one minute where nothing else runs."""
UPLOAD_SECONDS = 60
"""A log is uploaded after its task has ended."""
Result = TypeVar("Result")
CHOICE = ("--path", "groundwork:airflow.executor")


def reach(environment: Environment) -> httpx.Client:
    """A client of Airflow behind the gateway, whom nobody knows yet."""
    return httpx.Client(
        base_url=gateway.service_address(environment, "airflow"),
        verify=ssl.create_default_context(cadata=gateway.ca_certificate(environment)),
        timeout=30,
    )


class Api:
    """Airflow's REST API, logged in as its administrator."""

    def __init__(self, environment: Environment) -> None:
        shown = run(".venv/bin/groundwork", "credentials", "airflow", "--stack", STACK, "--json").stdout
        (self.login,) = json.loads(shown)
        self.environment = environment
        self.client = reach(environment)

    def token(self, username: str, password: str) -> httpx.Response:
        return self.client.post("/auth/token", json={"username": username, "password": password})

    def log_in(self) -> None:
        answer = self.token(self.login["username"], self.login["password"])
        self.client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        return self.client.get(f"/api/v2{path}", params=parameters).raise_for_status().json()

    def unpause(self) -> None:
        self.client.patch(f"/api/v2/dags/{DAG}", json={"is_paused": False}).raise_for_status()

    def trigger(self, **parameters: int) -> str:
        """Id of the run that was started."""
        body = {"logical_date": None, "conf": parameters}
        answer = self.client.post(f"/api/v2/dags/{DAG}/dagRuns", json=body)
        return answer.raise_for_status().json()["dag_run_id"]

    def instances(self, run_id: str) -> dict[str, dict[str, Any]]:
        """By task."""
        found = self.get(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {each["task_id"]: each for each in found}

    def states(self, run_id: str) -> dict[str, tuple[str | None, int]]:
        """(state, number of the try) by task."""
        return {task: (each["state"], each["try_number"]) for task, each in self.instances(run_id).items()}

    def finish(self, run_id: str) -> str:
        """State of the run at its end."""
        ended = {"success", "failed"}
        return until(lambda: state if (state := self.get(f"/dags/{DAG}/dagRuns/{run_id}")["state"]) in ended else None)

    def xcom(self, run_id: str, task: str, key: str = "return_value") -> Any:
        path = f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/{key}"
        return self.get(path, deserialize="true")["value"]

    def log(self, run_id: str, task: str, attempt: int = 1) -> str:
        content = self.get(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}")["content"]
        return "\n".join(each["event"] for each in content)


def until(ask: Callable[[], Result | None], seconds: float = RUN_SECONDS) -> Result:
    """The first answer that is not None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.5)
    pytest.fail(f"nothing came of it within {seconds} s")


@pytest.fixture(scope="module")
def api(platform: Environment) -> Iterator[Api]:
    made = Api(platform)
    with made.client:
        made.log_in()
        yield made


@pytest.fixture(scope="module")
def logs(platform: Environment) -> Callable[[str], str | None]:
    """Reads an object of the bucket of logs; None where there is none yet."""
    keys = kubectl.secret(platform, f"{STACK}-storage", "s3-admin") or {}
    library: Any = boto3
    client = library.client(
        "s3",
        endpoint_url=platform.variables()["AWS_ENDPOINT_URL_S3"],
        region_name="us-east-1",
        aws_access_key_id=keys["access-key-id"],
        aws_secret_access_key=keys["secret-access-key"],
    )

    def read(key: str) -> str | None:
        try:
            return client.get_object(Bucket=f"{STACK}-logs", Key=key)["Body"].read().decode()
        except client.exceptions.NoSuchKey:
            return None

    return read


@pytest.fixture(scope="module")
def finished(api: Api) -> str:
    """Id of a run that came to its end; the daily run that the DAG begins with came to its own before."""
    api.unpause()
    daily = until(lambda: next(iter(api.get(f"/dags/{DAG}/dagRuns", run_type="scheduled")["dag_runs"]), None))
    assert api.finish(daily["dag_run_id"]) == "success"
    run_id = api.trigger()
    assert api.finish(run_id) == "success"
    return run_id


def test_nobody_gets_in_without_the_password(api: Api) -> None:
    assert api.token("admin", "wrong").status_code == 401
    assert api.token("nobody", api.login["password"]).status_code == 401
    with reach(api.environment) as stranger:
        assert stranger.get("/api/v2/dags").status_code == 401
        assert stranger.get("/api/v2/connections").status_code == 401
        assert stranger.get("/api/v2/monitor/health").status_code == 200


def test_all_four_parts_are_healthy(api: Api) -> None:
    health = api.get("/monitor/health")
    assert {part: health[part]["status"] for part in health} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )


def test_there_are_our_dags_only_and_all_can_be_imported(api: Api) -> None:
    assert DAG in {dag["dag_id"] for dag in api.get("/dags")["dags"]}
    assert not [dag for dag in api.get("/dags")["dags"] if "example" in dag["tags"]]
    assert api.get("/importErrors")["import_errors"] == []


@pytest.fixture(scope="module")
def passwords(platform: Environment) -> dict[str, str]:
    """Of the generated users."""
    found = kubectl.secret(platform, f"{STACK}-airflow", "airflow-login")
    assert found is not None
    return {user: found[user] for user in ROLES_OF_USERS}


@pytest.mark.parametrize(
    ("user", "allowed"),
    [
        ("admin", {"read DAGs": 200, "trigger": 200, "read connections": 200, "read configuration": 403}),
        ("user", {"read DAGs": 200, "trigger": 200, "read connections": 403, "read configuration": 403}),
        ("viewer", {"read DAGs": 200, "trigger": 403, "read connections": 403, "read configuration": 403}),
    ],
)
def test_a_user_may_do_what_the_role_says(
    api: Api, passwords: dict[str, str], user: str, allowed: dict[str, int]
) -> None:
    token = api.token(user, passwords[user]).raise_for_status().json()["access_token"]
    with reach(api.environment) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        triggered = client.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": {}})
        answers = {
            "read DAGs": client.get("/api/v2/dags"),
            "trigger": triggered,
            "read connections": client.get("/api/v2/connections"),
            "read configuration": client.get("/api/v2/config"),
        }
        assert {action: answer.status_code for action, answer in answers.items()} == allowed
    if triggered.is_success:  # the DAG is paused: it would wait for ever
        run_id = triggered.json()["dag_run_id"]
        api.client.delete(f"/api/v2/dags/{DAG}/dagRuns/{run_id}").raise_for_status()


def test_a_browser_gets_cookies_for_https_alone_and_guesses_few_passwords(
    platform: Environment, passwords: dict[str, str]
) -> None:
    with reach(platform) as browser:
        browser.headers["Referer"] = str(browser.base_url)
        page = browser.get("/auth/login/").raise_for_status().text
        (token,) = set(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page))
        form = {"csrf_token": token, "username": "viewer", "password": passwords["viewer"]}
        answer = browser.post("/auth/login/", data=form)
        cookies = {cookie.partition("=")[0]: cookie for cookie in answer.headers.get_list("set-cookie")}
        assert cookies.keys() == {"_token", "session"}
        for cookie in cookies.values():
            assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
        guesses = [browser.post("/auth/login/", data={**form, "password": "wrong"}).status_code for _ in range(8)]
        assert guesses[-1] == 429


def test_tasks_are_tried_once_more_after_five_minutes(api: Api) -> None:
    tasks = {task["task_id"]: task for task in api.get(f"/dags/{DAG}/tasks")["tasks"]}
    assert tasks.keys() == TASKS
    for task in tasks.values():
        assert (task["owner"], task["retries"], task["depends_on_past"]) == ("airflow", 1, False)
        assert task["retry_delay"]["days"] * 86400 + task["retry_delay"]["seconds"] == 300


def test_days_before_the_first_are_not_caught_up_with(api: Api, finished: str) -> None:
    assert finished
    assert api.get(f"/dags/{DAG}/dagRuns", run_type="scheduled")["total_entries"] <= 2  # midnight may have passed


def test_a_run_names_the_better_of_two_models(api: Api, finished: str) -> None:
    assert set(api.states(finished).values()) == {("success", 1)}
    forest = api.xcom(finished, "train_rf", "performance_RandomForest")
    boosting = api.xcom(finished, "train_gb", "performance_GradientBoosting")
    assert 0.9 <= min(forest, boosting) <= max(forest, boosting) <= 1
    winner = "RandomForest" if forest > boosting else "GradientBoosting"
    assert api.xcom(finished, "select_best_model") == winner


def test_the_data_are_passed_on_by_address(api: Api, finished: str) -> None:
    assert api.xcom(finished, "feature_engineering").startswith(f"s3://{STACK}-features/iris/")


def test_the_logs_of_tasks_lie_in_the_bucket_and_are_shown(api: Api, finished: str, logs: Callable[[str], str]) -> None:
    key = f"airflow/dag_id={DAG}/run_id={finished}/task_id=train_rf/attempt=1.log"
    stored = until(lambda: logs(key), UPLOAD_SECONDS)
    assert "RandomForestClassifier: accuracy" in stored
    assert "RandomForestClassifier: accuracy" in api.log(finished, "train_rf")


def test_connections_and_variables_come_from_secrets(api: Api, shell: dict[str, str]) -> None:
    inside = ("kubectl", "exec", "-n", f"{STACK}-airflow", "deploy/airflow-scheduler", "--", "airflow")
    assert run(*inside, "variables", "get", "environment", env=shell).stdout.split() == [STACK]
    assert "/xcom:" in run(*inside, "connections", "get", "kubernetes_default", "-o", "json", env=shell).stdout
    assert api.get("/connections")["total_entries"] == api.get("/variables")["total_entries"] == 0


def test_trainings_are_recorded_in_mlflow(platform: Environment, finished: str) -> None:
    asked = Mlflow(platform)
    with asked.client:
        experiment = asked.get("experiments/get-by-name", experiment_name="iris")["experiment"]["experiment_id"]
        query = {"experiment_ids": [experiment], "filter": f"tags.`groundwork.job` LIKE '{DAG}/{finished}/%'"}
        found = asked.post("runs/search", query)["runs"]
    assert {each["info"]["run_name"] for each in found} == {"RandomForestClassifier", "GradientBoostingClassifier"}
    assert {each["info"]["status"] for each in found} == {"FINISHED"}


def test_a_task_that_fails_is_tried_again_and_the_selection_waits(platform: Environment, api: Api) -> None:
    run_id = api.trigger(retry_seconds=10)
    pod = until(lambda: running_pod(platform, "train_rf"))
    assert_is_ours(pod)
    assert "Building pod" in api.log(run_id, "train_rf")  # while it runs
    kubectl.run(platform, "delete", "pod", pod["metadata"]["name"], "-n", f"{STACK}-iris-training", "--wait=false")
    until(lambda: True if api.states(run_id)["train_rf"] == ("up_for_retry", 1) else None)
    assert api.states(run_id)["select_best_model"][0] is None
    assert api.finish(run_id) == "success"
    tries = {task: number for task, (_, number) in api.states(run_id).items()}
    assert tries == {"feature_engineering": 1, "train_rf": 2, "train_gb": 1, "select_best_model": 1}
    ended, began = (
        api.instances(run_id)["train_rf"]["end_date"],
        api.instances(run_id)["select_best_model"]["start_date"],
    )
    assert began >= ended


def running_pod(platform: Environment, task: str) -> Mapping[str, Any] | None:
    pods = kubectl.items(platform, "pods", "-n", f"{STACK}-iris-training", "-l", f"task_id={task}")
    return next((pod for pod in pods if pod["status"]["phase"] == "Running"), None)


def assert_is_ours(pod: Mapping[str, Any]) -> None:
    """Training image and sidecar by digest, each with resources of its own, in a restricted pod."""
    images = read_images(STACK)
    containers = {each["name"]: each for each in pod["spec"]["containers"]}
    assert containers.keys() == {"task", "airflow-xcom-sidecar"}
    for container, image in (("task", "training"), ("airflow-xcom-sidecar", "xcom")):
        assert f"/{image}:" in containers[container]["image"]
        assert containers[container]["image"].endswith(f"@{images[image].digest}")
    for container in containers.values():
        assert container["resources"].keys() >= {"requests", "limits"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["serviceAccountName"] == "iris-training"
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_no_pod_of_a_task_is_left(platform: Environment) -> None:
    left = "kubernetes_pod_operator=True"
    until(lambda: True if not kubectl.items(platform, "pods", "-n", f"{STACK}-iris-training", "-l", left) else None, 60)


def test_tasks_may_start_pods_where_their_workload_is_trained_and_not_where_it_serves(platform: Environment) -> None:
    account = f"system:serviceaccount:{STACK}-airflow:airflow-worker"
    question = ("kubectl", "auth", "can-i", "create", "pods", "--as", account, "-n")
    own, others = f"{STACK}-iris-training", [f"{STACK}-iris", f"{STACK}-airflow", f"{STACK}-mlflow", "kube-system"]
    allowed = {
        namespace: run(*question, namespace, check=False, env=platform.process_environment()).stdout.strip()
        for namespace in (own, *others)
    }
    assert allowed == {own: "yes", **dict.fromkeys(others, "no")}


def test_with_the_local_executor_tasks_are_processes_beside_the_scheduler(
    platform: Environment, shell: dict[str, str]
) -> None:
    run("pulumi", "config", "set", *CHOICE, "LocalExecutor", "-s", STACK, env=shell)
    try:
        run("scripts/up", STACK)
        other = Api(platform)
        with other.client:
            other.log_in()
            run_id = other.trigger()
            assert other.finish(run_id) == "success"
            assert set(other.states(run_id).values()) == {("success", 1)}
            until(lambda: True if "wins" in other.log(run_id, "select_best_model") else None, UPLOAD_SECONDS)
    finally:
        run("pulumi", "config", "rm", *CHOICE, "-s", STACK, env=shell)
        run("scripts/up", STACK)

"""The platform as its users meet it. The tests run in order, on the one platform."""

import json
from typing import Any

import httpx
import pytest
import testinfra

from modules.core.images import lock_file
from modules.core.releases import read_releases, release_file
from modules.core.simulation import SIMULATED
from scripts.cli.clients import kubectl
from scripts.cli.clients.backend import Backend
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.up import settings_file

from .conftest import STACK, run

NEED_A_TOKEN = {"scheduler", "worker", "api-server"}
"""Parts that talk to the Kubernetes API: of Airflow what starts pods, and what shows their logs."""
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def iris(platform: Environment) -> str:
    return f"http://127.0.0.1:{platform.settings.ports()['iris']}"


def predict(platform: Environment) -> dict[str, Any]:
    answer = httpx.post(f"{iris(platform)}/predict", json=FLOWER, timeout=10)
    answer.raise_for_status()
    return answer.json()


def test_a_model_is_served_with_the_name_version_and_digest_that_are_pinned(platform: Environment) -> None:
    answer, pinned = predict(platform), read_releases(STACK)["iris"]
    assert answer["model_name"] == "iris"
    assert answer["model_version"] == str(pinned.model_version)
    assert answer["model_digest"] == pinned.model_digest
    assert answer["predictions"] == ["setosa"]


def test_the_open_inference_protocol_is_spoken(platform: Environment) -> None:
    with httpx.Client(base_url=iris(platform), timeout=10) as client:
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/health/ready").status_code == 200
        assert client.get("/v2/models/iris/ready").status_code == 200
        rows = {"inputs": [{"name": "input", "datatype": "FP64", "shape": [1, 4], "data": list(FLOWER.values())}]}
        answer = client.post("/v2/models/iris/infer", json=rows).json()
        assert answer["model_name"] == "iris"
        assert answer["outputs"][0]["shape"] == [1]
        assert client.post("/v2/models/iris/infer", json={"inputs": []}).status_code in range(400, 500)
        assert "groundwork" in client.get("/metrics").text


def test_a_preview_right_after_up_shows_no_change(shell: dict[str, str]) -> None:
    run("pulumi", "preview", "-s", STACK, "--expect-no-changes", "--non-interactive", env=shell)


def test_a_second_up_changes_nothing(platform: Environment) -> None:
    before = resources(platform)
    done = run("scripts/up", STACK, "--json")
    report = json.loads(done.stdout)
    assert {service["health"] for service in report["services"]} == {"healthy"}
    assert resources(platform) == before


def test_up_from_a_checkout_that_knows_nothing_of_the_stack_takes_over_what_runs(platform: Environment) -> None:
    before, pins = resources(platform), read_releases(STACK)
    settings = settings_file(STACK).read_text()
    for path in (release_file(STACK), lock_file(STACK), settings_file(STACK)):  # a second clone has none of them
        path.unlink()
    done = run("scripts/up", STACK)
    assert f"releases.{STACK}.yaml was missing here: it pins what stack {STACK} serves now (iris version" in done.stderr
    assert read_releases(STACK) == pins
    assert settings_file(STACK).read_text() == settings
    assert resources(platform) == before


def resources(platform: Environment) -> dict[str, tuple[str, ...]]:
    """Identity of each resource and when it was last touched, by URN."""
    touched = ("id", "created", "modified")
    return {one["urn"]: tuple(one.get(key, "") for key in touched) for one in Backend(platform).resources()}


def test_no_secret_is_in_the_state_as_plain_text(platform: Environment) -> None:
    state = platform.backend.joinpath(f".pulumi/stacks/groundwork/{STACK}.json").read_text()
    found = kubectl.items(platform, "secrets", "-A", "-l", "app.kubernetes.io/part-of=groundwork")
    assert found
    for item in found:
        values = kubectl.secret(platform, item["metadata"]["namespace"], item["metadata"]["name"]) or {}
        for key, value in values.items():
            if key not in {"username", "access-key-id"}:  # who, not how to prove it
                assert value not in state, f"{item['metadata']['name']}.{key}"


def test_pods_run_as_nobody_on_a_read_only_root(platform: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", platform.variables()["PATH"])
    for pod in kubectl.items(platform, "pods", "-A", "-l", "app.kubernetes.io/part-of=groundwork"):
        ending = "deletionTimestamp" in pod["metadata"]  # the one before a rollout: gone at any moment
        if pod["status"]["phase"] != "Running" or ending or SIMULATED in pod["metadata"]["labels"]:
            continue
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        inside: Any = testinfra.get_host(f"kubectl://{name}?namespace={namespace}&kubeconfig={platform.kubeconfig}")
        assert int(inside.check_output("id -u")) >= 10000, name
        assert inside.run("touch /usr/bin/anything").rc != 0, name
        has_token = inside.file("/var/run/secrets/kubernetes.io/serviceaccount/token").exists
        assert has_token is (pod["metadata"]["labels"]["app.kubernetes.io/component"] in NEED_A_TOKEN), name


def test_every_namespace_enforces_the_restricted_standard(platform: Environment) -> None:
    for namespace in kubectl.items(platform, "namespaces", "-l", "app.kubernetes.io/part-of=groundwork"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_person_has_the_s3_and_mlflow_clients_that_env_promises(platform: Environment) -> None:
    code = (
        "import boto3; names = [b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']]; print(*sorted(names))"
    )
    printed = run("bash", "-c", f'eval "$(scripts/env {STACK})" && python -c "{code}"').stdout.split()
    assert printed == [f"{STACK}-{role}" for role in ("artifacts", "features", "logs", "raw")]
    code = "import mlflow; print(*mlflow.MlflowClient().get_registered_model('iris').aliases)"
    printed = run("bash", "-c", f'eval "$(scripts/env {STACK})" && python -W ignore -c "{code}"').stdout.split()
    assert platform.stack == STACK
    assert printed == ["champion"]


def test_stop_and_start_keep_everything(platform: Environment) -> None:
    before = predict(platform)
    run("groundwork", "stop", STACK, env=platform.variables())
    with pytest.raises(httpx.TransportError):
        predict(platform)
    run("groundwork", "start", STACK, env=platform.variables())
    assert predict(platform) == before
    report = json.loads(run("groundwork", "status", STACK, "--json", env=platform.variables()).stdout)
    assert {service["health"] for service in report["services"]} == {"healthy"}


def test_a_destroy_is_refused_what_holds_data_and_the_next_up_builds_the_rest_around_it(
    platform: Environment, shell: dict[str, str]
) -> None:
    before = predict(platform)
    quiet = ("--skip-preview", "--non-interactive", "--color", "never")
    done = run("pulumi", "destroy", "-s", STACK, "--yes", *quiet, env=shell, check=False)
    assert done.returncode != 0
    for holder in ("database-server", "storage-server"):
        assert f"{holder}' cannot be deleted" in " ".join(done.stdout.replace('"', "'").split())
    kept = {item["metadata"]["name"] for item in kubectl.items(platform, "statefulsets", "-A")}
    assert kept == {"database-server", "storage-server"}
    run("scripts/up", STACK)
    assert predict(platform) == before

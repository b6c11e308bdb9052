import json
from typing import Any

import pytest

from scripts.cli.clients import gateway
from scripts.cli.delivery import jobs, train
from tests.neighbours import store
from tests.scripts.cli.fakes import Answer, Kubectl, always, cron_job, mlflow, quiet, refused, settings, stack
from workloads import catalog
from workloads.documents import training_document, training_job

IMAGE = "10.80.0.1:5000/groundwork/training:0.1.0@sha256:" + "2" * 64
STORE = store()
DOCUMENT = training_document(catalog.load("iris"), STORE)
JOB = training_job("iris", "sha256:" + "2" * 64, DOCUMENT)
VARIABLES = {
    "GROUNDWORK_TRAINING": json.dumps(DOCUMENT),
    "GROUNDWORK_JOB": "",
    "GROUNDWORK_REVISION": "",
    "GROUNDWORK_UV_LOCK": "",
}


def run(run_id: str, name: str, tags: dict[str, str], metrics: dict[str, float]) -> dict[str, Any]:
    return {
        "info": {"run_id": run_id, "experiment_id": "1", "run_name": name, "status": "FINISHED"},
        "data": {
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "metrics": [{"key": key, "value": value} for key, value in metrics.items()],
        },
    }


TRAINING = run("t1", JOB, {"groundwork.selected": "Forest", "groundwork.model_version": "3"}, {"accuracy": 0.9})
CANDIDATES = [run("c2", "Forest", {}, {"accuracy": 0.9}), run("c1", "Boosting", {}, {"accuracy": 0.8})]


def trained(path: str, query: dict[str, Any]) -> Answer | None:
    if path == "experiments/get-by-name":
        return 200, {"experiment": {"experiment_id": "1"}}
    assert path == "runs/search"
    return 200, {"runs": CANDIDATES if "parentRunId" in query["filter"] else [TRAINING]}


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    stack(monkeypatch)
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["cronjob", "iris-train"] = cron_job(VARIABLES, IMAGE)
    return kubectl


@pytest.mark.usefixtures("kubectl")
def test_a_training_runs_as_a_job_and_its_result_comes_from_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []
    mlflow(monkeypatch, lambda path, query: trained(path, query) if started else None)
    monkeypatch.setattr(train, "revision", lambda: "c0ffee")

    def run_job(_: object, job: dict[str, Any], __: object) -> jobs.Ended:
        started.append(job)
        return jobs.Ended(log="", failure=None)

    monkeypatch.setattr(jobs, "run", run_job)
    result = train.train("local", "iris", quiet)
    assert result.fresh
    assert (result.job, result.run, result.model, result.model_version) == (JOB, "t1", "iris", 3)
    assert [(each.name, each.selected, each.metrics) for each in result.candidates] == [
        ("Boosting", False, {"accuracy": 0.8}),
        ("Forest", True, {"accuracy": 0.9}),
    ]
    assert started[0]["metadata"]["name"] == JOB
    container = started[0]["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables == {
        **VARIABLES,
        "GROUNDWORK_JOB": JOB,
        "GROUNDWORK_REVISION": "c0ffee",
        "GROUNDWORK_UV_LOCK": train.lock_digest(),
    }


def test_the_same_training_is_not_done_twice(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, trained)
    result = train.train("local", "iris", quiet)
    assert not result.fresh
    assert kubectl.created == []


@pytest.mark.usefixtures("kubectl")
def test_a_run_that_did_not_finish_is_named_with_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    running = {**TRAINING, "info": {**TRAINING["info"], "status": "RUNNING"}}

    def unfinished(path: str, query: dict[str, Any]) -> Answer | None:
        if path == "experiments/get-by-name":
            return 200, {"experiment": {"experiment_id": "1"}}
        return 200, {"runs": [] if "FINISHED" in query["filter"] else [running]}

    mlflow(monkeypatch, unfinished)
    monkeypatch.setattr(jobs, "run", always(jobs.Ended(log="", failure=None)))
    monkeypatch.setattr(train, "RECORDED_SECONDS", 1)
    message = refused(lambda: train.train("local", "iris", quiet))
    assert "has no finished run of it (its runs there: t1 (RUNNING))" in message


@pytest.mark.usefixtures("kubectl")
def test_a_failed_training_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, always(None))
    monkeypatch.setattr(jobs, "run", always(jobs.Ended(log="", failure="it failed:\n  error: no data")))
    assert refused(lambda: train.train("local", "iris", quiet)) == "it failed:\n  error: no data"


@pytest.mark.usefixtures("kubectl")
def test_an_unknown_workload_lists_the_known_ones() -> None:
    assert "workload 'rose' is unknown; known: cancer, digits, iris, neighbours, screening, wine" in refused(
        lambda: train.train("local", "rose", quiet)
    )


def test_a_workload_that_the_stack_leaves_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stack(monkeypatch, settings(**{"groundwork:workloads": {}}))
    message = refused(lambda: train.train("local", "iris", quiet))
    assert "groundwork:workloads.iris: not in stacks/Pulumi.local.yaml, which runs no workload" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "other"), ("parameters", {}), ("data", {"digest": "x"}), ("data", {**DOCUMENT["data"], "version": 1})],
)
def test_a_workload_yaml_that_changed_since_the_platform_was_laid_is_not_trained(
    kubectl: Kubectl, key: str, value: Any
) -> None:
    document = {**DOCUMENT, key: value}
    kubectl.objects["cronjob", "iris-train"] = cron_job({"GROUNDWORK_TRAINING": json.dumps(document)}, IMAGE)
    message = refused(lambda: train.train("local", "iris", quiet))
    assert f"workloads/iris/workload.yaml: {key} changed since the last deployment" in message


@pytest.mark.usefixtures("kubectl")
def test_a_silent_mlflow_is_named_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    stack(monkeypatch, settings(**{"groundwork:gateway": {"local_port": 1024}}))
    monkeypatch.setattr(gateway, "ca_certificate", always(""))
    monkeypatch.setattr(gateway, "mlflow_login", always(("groundwork", "word")))
    monkeypatch.setattr(gateway.ssl, "create_default_context", always(True))
    message = refused(lambda: train.train("local", "iris", quiet))
    assert "MLflow does not answer at https://localhost:1024/mlflow" in message
    assert "run `scripts/up local`" in message


@pytest.mark.usefixtures("kubectl")
def test_a_fault_of_mlflow_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow(monkeypatch, always((500, {"message": "the database is gone"})))
    message = refused(lambda: train.train("local", "iris", quiet))
    assert "answered 500 to /mlflow/api/2.0/mlflow/experiments/get-by-name: the database is gone" in message


@pytest.mark.usefixtures("kubectl")
def test_without_a_port_mlflow_can_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    stack(monkeypatch, settings(**{"groundwork:gateway": {"local_port": None}}))
    assert "groundwork:gateway.local_port is null" in refused(lambda: train.train("local", "iris", quiet))

from typing import Any

import pytest

from scripts.cli.delivery import jobs
from tests.scripts.cli.fakes import IMAGE, Kubectl, cron_job, quiet, refused, stack

TEMPLATE = cron_job({"MODEL_NAME": "", "FIXED": "yes"})
JOB = jobs.job_from(TEMPLATE, "iris-check-1", image=IMAGE, variables={"MODEL_NAME": "iris"})


def job(*conditions: str) -> dict[str, Any]:
    return {
        "kind": "Job",
        "metadata": JOB["metadata"],
        "status": {"conditions": [{"type": each, "status": "True", "message": "because"} for each in conditions]},
    }


def pod(state: dict[str, Any] | None = None, *, phase: str = "Running", **status: Any) -> dict[str, Any]:
    containers = [{"image": IMAGE, "state": state}] if state else []
    return {
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": "local-iris", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": phase, "containerStatuses": containers, **status},
    }


def refuse(_: float) -> None:
    raise AssertionError("nothing to wait for")


def test_a_job_is_its_template_with_some_variables_filled() -> None:
    container = JOB["spec"]["template"]["spec"]["containers"][0]
    assert {each["name"]: each["value"] for each in container["env"]} == {"MODEL_NAME": "iris", "FIXED": "yes"}
    assert JOB["metadata"]["name"] == "iris-check-1"
    assert JOB["metadata"]["namespace"] == "local-iris"
    labels = JOB["spec"]["template"]["metadata"]["labels"]
    assert labels["groundwork.dev/job"] == JOB["metadata"]["labels"]["groundwork.dev/job"] == "iris-check-1"
    assert labels["app.kubernetes.io/name"] == "iris"


def test_a_template_is_not_changed_by_its_jobs() -> None:
    assert jobs.variables_of(TEMPLATE) == {"MODEL_NAME": "", "FIXED": "yes"}


def test_the_digest_of_an_image_is_what_its_reference_ends_with() -> None:
    assert jobs.image_digest("registry:5000/a/b@sha256:2") == "sha256:2"


def test_a_variable_that_the_template_lacks_is_refused() -> None:
    message = refused(lambda: jobs.job_from(TEMPLATE, "x", image=IMAGE, variables={"MODEL": "iris"}))
    assert "has no variables ['MODEL']" in message
    assert "scripts/up" in message


def test_a_missing_template_says_what_declares_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Kubectl(monkeypatch)
    message = refused(lambda: jobs.template(stack(monkeypatch), "local-iris", "iris-train"))
    assert "CronJob local-iris/iris-train is not on the cluster: run `scripts/up local`" in message


def test_a_job_is_created_and_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl, output, waited = Kubectl(monkeypatch), list[str](), list[float]()
    kubectl.lists = [[job()], [job(), pod({"running": {}})], [job("Complete"), pod()]]
    kubectl.log = "the last line\n"
    ended = jobs.run(stack(monkeypatch), JOB, output.append, pause=waited.append)
    assert ended == jobs.Ended(log="the last line", failure=None)
    assert kubectl.created == [JOB]
    assert output == [
        "Job iris-check-1 was started",
        "iris-check-1: waiting for its pod",
        "iris-check-1: runs: the last line",
    ]
    assert len(waited) == 2


def test_a_job_that_still_runs_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["job", "iris-check-1"] = job()
    kubectl.lists = [[job("Complete"), pod()]]
    jobs.run(stack(monkeypatch), JOB, quiet, pause=refuse)
    assert kubectl.created == kubectl.deleted == []


@pytest.mark.parametrize("result", ["Complete", "Failed"])
def test_an_ended_job_makes_way(monkeypatch: pytest.MonkeyPatch, result: str) -> None:
    kubectl = Kubectl(monkeypatch)
    kubectl.objects["job", "iris-check-1"] = job(result)
    kubectl.lists = [[job("Complete"), pod()]]
    jobs.run(stack(monkeypatch), JOB, quiet, pause=refuse)
    assert kubectl.deleted == ["iris-check-1"]
    assert kubectl.created == [JOB]


def test_a_failed_job_shows_why_and_its_last_log_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = Kubectl(monkeypatch)
    gone = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    kubectl.lists = [[job("Failed"), pod(gone, phase="Failed")]]
    kubectl.log = "one\ntwo\n"
    failure = jobs.run(stack(monkeypatch), JOB, quiet, pause=refuse).failure
    assert failure == (
        "Job local-iris/iris-check-1 failed: because; its pod ended (OOMKilled, exit code 137). "
        "Its last log lines:\n  one\n  two"
    )


def test_a_job_whose_image_is_gone_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = Kubectl(monkeypatch)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "manifest: not found"}}
    kubectl.lists = [[job(), pod(waiting, phase="Pending")]]
    message = refused(lambda: jobs.run(stack(monkeypatch), JOB, quiet, pause=refuse))
    assert f"the image {IMAGE} is not in the registry" in message
    assert kubectl.deleted == ["iris-check-1"]


def test_a_job_that_someone_deleted_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Kubectl(monkeypatch).lists = [[]]
    message = refused(lambda: jobs.run(stack(monkeypatch), JOB, quiet, pause=refuse))
    assert "was deleted while it ran" in message


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (pod(), "is being placed"),
        (pod({"running": {}}), "runs"),
        (pod({"waiting": {"reason": "ContainerCreating"}}), "waits (ContainerCreating)"),
        (pod({"waiting": {"reason": "ErrImagePull", "message": "slow"}}), "waits (ErrImagePull: slow)"),
        (pod({"terminated": {"reason": "Error", "exitCode": 1}}), "ended (Error, exit code 1)"),
        (pod(conditions=[UNSCHEDULABLE]), "waits for a node (Insufficient cpu)"),
    ],
)
def test_a_pod_says_what_it_waits_for(given: dict[str, Any], state: str) -> None:
    assert jobs.pod_state(given) == state
    assert jobs.final_problem(given) is None

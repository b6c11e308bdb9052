"""Jobs started from the suspended CronJobs that the Pulumi program declares, and what they say while they run."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.errors import UserError
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress

JOB_LABEL = "groundwork.dev/job"
"""On the Job and its pods, so that one question finds both."""
RESULTS = ("Complete", "Failed")
POLL_SECONDS = 1.0
LOG_LINES = 30
"""Of a failed pod, shown to the person."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of a Job."""

    log: str
    """The last lines of its last pod."""
    failure: str | None
    """Why it failed, with those lines; None where it did not."""


def template(environment: Environment, namespace: str, name: str) -> dict[str, Any]:
    """Return the CronJob. Raise UserError where the platform is not there, or was deployed without this workload."""
    found = kubectl.get(environment, "cronjob", name, "-n", namespace)
    if found is None:
        raise UserError(
            f"CronJob {namespace}/{name} is not on the cluster: run `scripts/up {environment.stack}`, which declares it"
        )
    return found


def container_of(cron_job: Mapping[str, Any]) -> dict[str, Any]:
    """The one container of a template's pods."""
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


def variables_of(cron_job: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a template's pods; the API server leaves out empty values."""
    return {each["name"]: each.get("value", "") for each in container_of(cron_job)["env"]}


def image_digest(reference: str) -> str:
    return reference.rpartition("@")[2]


def job_from(cron_job: Mapping[str, Any], name: str, *, image: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A Job of a template, with another image and some variables filled. Refuses variables that it does not have."""
    spec = json.loads(json.dumps(cron_job["spec"]["jobTemplate"]))
    pod = spec["spec"]["template"]
    container = pod["spec"]["containers"][0]
    known = variables_of(cron_job)
    if unknown := sorted(set(variables) - set(known)):
        raise UserError(
            f"CronJob {cron_job['metadata']['name']} has no variables {unknown}: it was declared by another version of "
            "this repository; run `scripts/up`"
        )
    container["image"] = image
    container["env"] = [{"name": key, "value": value} for key, value in {**known, **variables}.items()]
    labels = {JOB_LABEL: name, "app.kubernetes.io/managed-by": "groundwork"}
    pod["metadata"]["labels"] |= labels
    metadata = {
        "name": name,
        "namespace": cron_job["metadata"]["namespace"],
        "labels": {**spec["metadata"]["labels"], **labels},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec["spec"]}


def ended(job: Mapping[str, Any]) -> str | None:
    """Complete, Failed, or None while it runs."""
    conditions = job.get("status", {}).get("conditions", [])
    return next((each["type"] for each in conditions if each["status"] == "True" and each["type"] in RESULTS), None)


def run(
    environment: Environment,
    job: Mapping[str, Any],
    progress: Progress,
    *,
    lines: int = LOG_LINES,
    pause: Callable[[float], None] = time.sleep,
) -> Ended:
    """Runs a Job to its end. One of this name that still runs is waited for; one that ended makes way. `lines`: of its
    log, from the last one back.

    Raises UserError where it can't run at all.
    """
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    existing = kubectl.get(environment, "job", name, "-n", namespace)
    if existing is not None and ended(existing):
        progress(f"removing the previous Job {name}")
        kubectl.run(environment, "delete", "job", name, "-n", namespace, "--cascade=foreground")
        existing = None
    if existing is None:
        kubectl.run(environment, "create", "-f", "-", stdin=json.dumps(job))
    progress(f"Job {name} was started" if existing is None else f"Job {name} is running already")
    return _follow(environment, namespace, name, progress, lines=lines, pause=pause)


def _follow(
    environment: Environment,
    namespace: str,
    name: str,
    progress: Progress,
    *,
    lines: int,
    pause: Callable[[float], None],
) -> Ended:
    while True:
        objects = kubectl.items(environment, "jobs,pods", "-n", namespace, "-l", f"{JOB_LABEL}={name}")
        job = next((each for each in objects if each["kind"] == "Job"), None)
        pods = sorted(
            (each for each in objects if each["kind"] == "Pod"), key=lambda pod: pod["metadata"]["creationTimestamp"]
        )
        if job is None:
            raise UserError(f"Job {namespace}/{name} was deleted while it ran: run the command again")
        if problem := next(filter(None, map(final_problem, pods)), None):
            kubectl.run(environment, "delete", "job", name, "-n", namespace, "--wait=false")
            raise UserError(f"Job {namespace}/{name} can't run: {problem}")
        result = ended(job)
        shown = 1 if result is None else lines if result == "Complete" else LOG_LINES
        log = last_lines(environment, pods[-1], shown) if pods else ""
        if result == "Complete":
            return Ended(log=log, failure=None)
        if result == "Failed":
            return Ended(log=log, failure=failure(job, pods, log))
        progress(f"{name}: {pod_state(pods[-1]) if pods else 'waiting for its pod'}{': ' if log else ''}{log}")
        pause(POLL_SECONDS)


def last_lines(environment: Environment, pod: Mapping[str, Any], lines: int) -> str:
    """Of the log of a pod that has begun; nothing before."""
    if pod["status"].get("phase") == "Pending":
        return ""
    namespaced = ("-n", pod["metadata"]["namespace"])
    try:
        return kubectl.run(environment, "logs", pod["metadata"]["name"], *namespaced, f"--tail={lines}").rstrip()
    except UserError:  # the container is just beginning or ending: the next question will be answered
        return ""


def pod_state(pod: Mapping[str, Any]) -> str:
    """What the pod is doing, or what it waits for, in short."""
    status = pod["status"]
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"waits for a node ({condition.get('message', 'no reason given')})"
    for container in status.get("containerStatuses", []):
        state = container["state"]
        if waiting := state.get("waiting"):
            return f"waits ({waiting.get('reason', '')}{': ' + waiting['message'] if waiting.get('message') else ''})"
        if gone := state.get("terminated"):
            return f"ended ({gone.get('reason', '')}, exit code {gone['exitCode']})"
        return "runs"
    return "is being placed"


def final_problem(pod: Mapping[str, Any]) -> str | None:
    """Why a pod will never begin; None where waiting may help."""
    for container in pod["status"].get("containerStatuses", []):
        waiting = container["state"].get("waiting", {})
        message = waiting.get("message", "")
        missing = waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff"} and "not found" in message
        if missing or waiting.get("reason") == "InvalidImageName":
            return f"the image {container['image']} is not in the registry ({message})"
    return None


def failure(job: Mapping[str, Any], pods: list[dict[str, Any]], log: str) -> str:
    """Why a Job failed, and the last lines of its last pod."""
    metadata, conditions = job["metadata"], job["status"]["conditions"]
    reason = next(each for each in conditions if each["type"] == "Failed")
    state = f"; its pod {pod_state(pods[-1])}" if pods else ""
    lines = "".join(f"\n  {line}" for line in log.splitlines()) or " nothing"
    return (
        f"Job {metadata['namespace']}/{metadata['name']} failed: {reason.get('message', reason.get('reason'))}{state}. "
        f"Its last log lines:{lines}"
    )

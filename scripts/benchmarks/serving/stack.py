"""What serves on a stack that is up: a pod until its first answer, and the gateway beside the direct way."""

import copy
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from modules.core.errors import UserError
from modules.core.naming import namespace
from scripts.benchmarks.serving import client
from scripts.benchmarks.serving.client import Measurement
from scripts.benchmarks.serving.model import NAME
from scripts.benchmarks.serving.question import Question, Rows, infer
from scripts.benchmarks.serving.report import DIRECT, GATEWAY, Deployed, median
from scripts.benchmarks.serving.run import Cores, Plan, Say
from scripts.cli.clients.api import Api, connect
from scripts.cli.clients.gateway import service_address
from scripts.cli.environment import Environment
from workloads.documents import PORT

POD_SECONDS = 180.0
HASH = "pod-template-hash"
"""By which a Deployment knows the pods that it made."""
ROW = ((5.1, 3.5, 1.4, 0.2),)
"""A flower."""


def pod_seconds(environment: Environment, model: str) -> float:
    """Return seconds from a pod's creation to its first answer as a model, its image being on the node.

    The pod is one more of what serves, and is deleted again. Raise UserError where it gives no answer, or where nothing
    is released."""
    pods = f"/api/v1/namespaces/{namespace(environment.stack, model)}/pods"
    deployment = f"/apis/apps/v1/namespaces/{namespace(environment.stack, model)}/deployments/{model}"
    with connect(environment) as api:
        found = api.get(deployment)
        if found is None:
            raise UserError(f"--stack {environment.stack}: no {model} is released: run `groundwork release {model}`")
        pod = one_more(found, f"{model}-bench-{uuid4().hex[:8]}")  # the last one's may be going still
        name = pod["metadata"]["name"]
        begun = time.monotonic()
        api.create(pods, pod)
        try:
            _wait(api, f"{pods}/{name}:{PORT}/proxy/v2/models/{model}/ready", begun + POD_SECONDS)
            return time.monotonic() - begun
        finally:
            api.delete(f"{pods}/{name}")


def one_more(deployment: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a pod as the Deployment makes them, which it does not count as one of its own."""
    template = copy.deepcopy(deployment["spec"]["template"])
    labels = {key: value for key, value in template["metadata"].get("labels", {}).items() if key != HASH}
    metadata = {"name": name, "labels": labels, "annotations": template["metadata"].get("annotations", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def measured_on(environment: Environment, plan: Plan, folder: Path, say: Say) -> Deployed:
    """Measure what a stack serves: one row, as many clients as in the run before it."""
    questions = addresses(environment, NAME, ROW)
    pods: list[float] = []
    rounds: dict[int, dict[str, list[Measurement]]] = {}
    cores = Cores.of_this_machine().client
    for number in range(plan.rounds):
        pods.append(pod_seconds(environment, NAME))
        say(f"round {number + 1} of {plan.rounds}: {environment.stack}: a pod's first answer after {pods[-1]:.2f} s")
        for clients in sorted({clients for _, clients in plan.cases}):
            for way, question in questions.items():
                found = client.measure(question, plan.load(clients), folder, cores)
                rounds.setdefault(clients, {}).setdefault(way, []).append(found)
                say(f"round {number + 1} of {plan.rounds}: clients {clients}: {way}: {found.rate:.0f}/s")
    ways = {clients: {way: median(found) for way, found in each.items()} for clients, each in rounds.items()}
    return Deployed(statistics.median(pods), ways)


def addresses(environment: Environment, model: str, rows: Rows) -> dict[str, Question]:
    """Return the same question by each way. Raise UserError where the stack's settings publish neither on this
    machine."""
    port = environment.settings.ports().get(model)
    if port is None:
        raise UserError(f"--stack {environment.stack}: {model} has no port on this machine: give it a local_port")
    gateway = service_address(environment, model)
    return {
        DIRECT: infer(f"http://127.0.0.1:{port}", model, rows),
        GATEWAY: infer(gateway, model, rows),
    }


def _wait(api: Api, path: str, deadline: float) -> None:
    while True:
        try:
            if api.get(path) is not None:
                return
        except UserError as error:  # no container, or a server that has no model yet
            if time.monotonic() > deadline:
                raise UserError(f"{path} gave no answer within {POD_SECONDS:.0f} s: {error}") from error
        time.sleep(0.05)

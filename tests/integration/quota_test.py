"""Somebody who may start pods in a namespace of the platform tries to take the whole cluster by them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.simulation import SIMULATED
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.lifecycle.quotas import with_refusals

from .conftest import STACK
from .pods import SECURE, eventually

NAMESPACE = f"{STACK}-mlflow"
NAME = "quota-test"
IMAGE = f"{NAME}.invalid/none@sha256:{'0' * 64}"
"""Of a pod that is let in at most: no node takes it, and images that nothing runs may be of elsewhere."""
LARGEST = {"cpu": "1", "memory": "16Gi"}


def spec(*limits: dict[str, str]) -> dict[str, Any]:
    """Of a pod with a container for each of these limits; where they are empty it names no figures."""
    figures = ({"limits": each, "requests": {"cpu": "1m", "memory": "1Mi"}} if each else {} for each in limits)
    container = {"image": IMAGE, "securityContext": SECURE}
    return {
        "containers": [{**container, "name": f"c{n}", "resources": each} for n, each in enumerate(figures)],
        "nodeSelector": {NAME: "nowhere", SIMULATED: "true"},
        "restartPolicy": "Never",
    }


def create(platform: Environment, kind: str, given: dict[str, Any]) -> None:
    version = "v1" if kind == "Pod" else "batch/v1"
    metadata = {"name": NAME, "namespace": NAMESPACE}
    document = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": given}
    kubectl.run(platform, "create", "-f", "-", stdin=json.dumps(document))


@pytest.fixture
def cleared(platform: Environment) -> Iterator[Environment]:
    """The platform, which has nothing of a test afterwards."""
    yield platform
    kubectl.run(platform, "delete", "job,pod", NAME, "-n", NAMESPACE, "--ignore-not-found")


def test_every_namespace_of_the_platform_has_bounds(platform: Environment) -> None:
    namespaces = set(platform.settings.namespaces(STACK))
    for kind in ("resourcequotas", "limitranges"):
        assert {each["metadata"]["namespace"] for each in kubectl.ours(platform, kind)} == namespaces


def test_a_container_without_figures_is_let_in_and_gets_some(cleared: Environment) -> None:
    create(cleared, "Pod", spec({}))
    made = kubectl.get(cleared, "pod", NAME, "-n", NAMESPACE)
    assert made is not None
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "512Mi"},
        "requests": {"cpu": "50m", "memory": "64Mi"},
    }


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ([{"cpu": "1", "memory": "17Gi"}], "maximum memory usage per Container is 16Gi, but limit is 17Gi"),
        ([{"cpu": "17", "memory": "1Gi"}], "maximum cpu usage per Container is 16, but limit is 17"),
        ([LARGEST] * 3, "exceeded quota: groundwork, requested: limits.memory=48Gi"),
    ],
)
def test_a_pod_that_takes_more_than_a_namespace_has_is_refused_by_name(
    cleared: Environment, limits: list[dict[str, str]], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        create(cleared, "Pod", spec(*limits))
    assert words in str(caught.value)


def test_up_names_the_quota_that_refused_a_pod(cleared: Environment) -> None:
    began, failed = datetime.now(UTC), UserError("the engine gave up")
    create(cleared, "Job", {"template": {"spec": spec(*[LARGEST] * 3)}})
    assert eventually(lambda: f"Job/{NAME}: " in str(with_refusals(cleared, failed, began)), 30)
    output = str(with_refusals(cleared, failed, began))
    assert output.startswith("the engine gave up\n")
    assert "exceeded quota: groundwork" in output
    assert output.endswith("raise groundwork:foundation.quota, or ask for less")

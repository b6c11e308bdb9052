from datetime import UTC, datetime
from typing import Any

import pytest

from scripts.cli.delivery import rollouts
from tests.scripts.cli.fakes import Kubectl, refused, stack

DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


def deployment(**status: int) -> dict[str, Any]:
    return {"metadata": {"name": "mlflow-server", "generation": 2}, "spec": {"replicas": 1}, "status": status}


def test_what_is_rolled_out_lacks_nothing() -> None:
    assert rollouts.missing(deployment(**DONE)) is None
    nothing = {
        "metadata": {"name": "none", "generation": 1},
        "spec": {"replicas": 0},
        "status": {"observedGeneration": 1},
    }
    assert rollouts.missing(nothing) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"observedGeneration": 1}, "its change is not seen yet"),
        ({"updatedReplicas": 0}, "0 of 1 pods are of the newest version"),
        ({"replicas": 2}, "pods of the previous version end"),
        ({"availableReplicas": 0}, "0 of 1 pods are ready"),
    ],
)
def test_a_rollout_that_goes_on_says_what_it_waits_for(changed: dict[str, int], why: str) -> None:
    assert rollouts.missing(deployment(**{**DONE, **changed})) == why


def test_it_waits_until_all_is_rolled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    environment, cluster, reported = stack(monkeypatch), Kubectl(monkeypatch), list[str]()
    going = [deployment(**{**DONE, "availableReplicas": 0}), deployment(observedGeneration=1)]
    cluster.lists = [going, going[:1], [deployment(**DONE)]]
    rollouts.wait(environment, reported.append, pause=lambda _: None)
    assert reported == ["mlflow-server: 0 of 1 pods are ready, and 1 more", "mlflow-server: 0 of 1 pods are ready"]


def test_it_gives_up_when_nothing_moves_and_names_what_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    environment, cluster = stack(monkeypatch), Kubectl(monkeypatch)
    monkeypatch.setattr(rollouts, "PATIENCE_SECONDS", -1.0)
    cluster.lists = [[deployment(**{**DONE, "availableReplicas": 0})]]
    message = refused(lambda: rollouts.wait(environment, lambda _: None, pause=lambda _: None))
    assert "mlflow-server: 0 of 1 pods are ready" in message
    assert "groundwork status local" in message


@pytest.mark.parametrize(
    ("state", "labels", "before"),
    [
        ({"running": {"startedAt": "2026-01-01T11:59:59Z"}}, {}, True),
        ({"running": {"startedAt": "2026-01-01T12:00:00Z"}}, {}, False),
        ({"waiting": {"reason": "ContainerCreating"}}, {}, False),
        ({"running": {"startedAt": "2026-01-01T11:59:59Z"}}, {"groundwork.dev/simulated": "true"}, False),
    ],
)
def test_a_container_of_before_the_start_is_not_believed_unless_it_only_pretends(
    state: dict[str, Any], labels: dict[str, str], before: bool
) -> None:
    pod = {"metadata": {"labels": labels}, "status": {"containerStatuses": [{"state": state}]}}
    assert rollouts.is_of_before(pod, datetime(2026, 1, 1, 12, 0, 0, 500, tzinfo=UTC)) is before

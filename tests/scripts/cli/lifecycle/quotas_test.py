from datetime import UTC, datetime
from typing import Any

from scripts.cli.lifecycle.quotas import refusals

BEGAN = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
NO_ROOM = (
    'Error creating: pods "mlflow-6d-x1" is forbidden: exceeded quota: groundwork, requested: limits.memory=20Gi, '
    "used: limits.memory=14Gi, limited: limits.memory=32Gi"
)
TOO_LARGE = (
    'Error creating: pods "iris-1-x2" is forbidden: maximum memory usage per Container is 16Gi, but limit is 20Gi'
)


def event(message: str, *, kind: str = "ReplicaSet", name: str = "mlflow-6d", at: str = "12:00:00") -> dict[str, Any]:
    involved = {"kind": kind, "name": name, "namespace": "local-mlflow"}
    return {"message": message, "lastTimestamp": f"2026-03-01T{at}Z", "involvedObject": involved}


def test_a_pod_that_the_quota_refused_is_named_with_the_quota_and_its_setting() -> None:
    assert refusals([event(NO_ROOM, at="12:00:07"), event(NO_ROOM, at="12:01:00")], BEGAN) == [
        'local-mlflow ReplicaSet/mlflow-6d: pods "mlflow-6d-x1" is forbidden: exceeded quota: groundwork, requested: '
        "limits.memory=20Gi, used: limits.memory=14Gi, limited: limits.memory=32Gi: raise groundwork:foundation.quota, "
        "or ask for less"
    ]


def test_a_container_that_is_too_large_is_named_with_its_own_setting() -> None:
    (line,) = refusals([event(TOO_LARGE, kind="Job", name="iris-1")], BEGAN)
    assert line.startswith("local-mlflow Job/iris-1: ")
    assert line.endswith("but limit is 20Gi: raise groundwork:foundation.quota.largest, or ask for less")


def test_what_other_runs_and_other_reasons_left_is_not_reported() -> None:
    others = [
        event(NO_ROOM, at="11:59:59"),
        event("Error creating: violates PodSecurity"),
        {**event(NO_ROOM), "lastTimestamp": None},
    ]
    assert refusals(others, BEGAN) == []

from typing import Any

import pytest
from pydantic import ValidationError

from modules.airflow.settings import AirflowSettings


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"executor": "KubernetesExecutor"},
        {"local_port": None},
        {"base_url": "https://airflow.example.org/airflow"},
        {"parts": {"scheduler": {"limits": {"memory": "3Gi"}}}},
    ],
)
def test_is_accepted(given: dict[str, Any]) -> None:
    AirflowSettings(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "CeleryExecutor"}, "LocalExecutor"),
        ({"parallelism": 0}, "greater than or equal to 1"),
        ({"local_port": 80}, "greater than or equal to 1024"),
        ({"base_url": "airflow.example.org"}, "should match pattern"),
        (
            {"parts": {"worker": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}}},
            "parts.worker.limits.memory 128Mi is less than 320Mi",
        ),
        ({"parts": {"webserver": {}}}, "Extra inputs are not permitted"),
    ],
)
def test_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AirflowSettings(**given)
    assert message in str(caught.value)

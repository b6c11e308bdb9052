"""What a task's log reports about its pod. Airflow is in its own image only: what the module uses of it is replaced."""

import runpy
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from modules.core.paths import REPOSITORY

FILE = REPOSITORY / "modules/airflow/files/airflow_local_settings.py"
CALLBACKS = "airflow.providers.cncf.kubernetes.callbacks"


class KubernetesPodOperator:
    """As far as the policy knows it."""

    base_container_name = "task"

    def __init__(self, skip_on_exit_code: tuple[int, ...] = ()) -> None:
        self.skip_on_exit_code = skip_on_exit_code
        self.callbacks: list[Any] = []
        self.output: list[str] = []
        self.log = SimpleNamespace(error=self.output.append)


@pytest.fixture
def task_policy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    parts = CALLBACKS.split(".")
    for length in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:length]))
        vars(module)["KubernetesPodOperatorCallback"] = object
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return runpy.run_path(str(FILE))["task_policy"]


def pod(exit_code: int, reason: str, *, memory: str | None = "256Mi", message: str | None = None) -> Any:
    terminated = SimpleNamespace(exit_code=exit_code, reason=reason, message=message)
    limits = SimpleNamespace(limits={"memory": memory} if memory else None)
    return SimpleNamespace(
        metadata=SimpleNamespace(name="train-rf-x1"),
        spec=SimpleNamespace(containers=[SimpleNamespace(name="task", resources=limits)]),
        status=SimpleNamespace(
            container_statuses=[
                SimpleNamespace(name="airflow-xcom-sidecar", state=SimpleNamespace(terminated=None)),
                SimpleNamespace(name="task", state=SimpleNamespace(terminated=terminated)),
            ]
        ),
    )


@pytest.mark.parametrize(
    ("ended", "output"),
    [
        (pod(137, "OOMKilled"), ["137: OOMKilled, it needed more memory than its limit of 256Mi. Raise limits.memory"]),
        (pod(137, "OOMKilled", memory=None), ["it needed more memory than its limit of the node's"]),
        (pod(1, "Error"), ["The container 'task' of pod train-rf-x1 ended with exit code 1: Error"]),
        (pod(1, "Error", message="no data"), ["ended with exit code 1: no data"]),
        (pod(99, "Error"), []),
        (pod(0, "Completed"), []),
        (None, []),
    ],
)
def test_a_task_says_why_its_pod_was_ended(task_policy: Callable[[Any], None], ended: Any, output: list[str]) -> None:
    task = KubernetesPodOperator(skip_on_exit_code=(99,))
    task_policy(task)
    (callback,) = task.callbacks
    callback.on_pod_completion(pod=ended, operator=task, client=None, mode="sync", context={})
    assert len(task.output) == len(output)
    assert all(part in line for part, line in zip(output, task.output, strict=True))


def test_a_task_without_a_pod_stays_as_it_is(task_policy: Callable[[Any], None]) -> None:
    task = SimpleNamespace(task_id="sensor")
    task_policy(task)
    assert vars(task) == {"task_id": "sensor"}

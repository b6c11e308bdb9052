"""The DAG as it is declared. Airflow is in its own image only: what the file uses of it is stood in for here, and the
integration tests run the DAG in the real one."""

import runpy
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Self

import pytest

from modules.airflow.documents import CONFIGURATION
from modules.core.paths import REPOSITORY
from workloads import catalog

FILE = REPOSITORY / "workloads/iris/dags/model_training_selection.py"


class Dag:
    def __init__(self, dag_id: str, **options: Any) -> None:
        self.dag_id, self.options = dag_id, options

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Operator:
    declared: dict[str, "Operator"]

    def __init__(self, *, task_id: str, **options: Any) -> None:
        self.task_id, self.options, self.upstream = task_id, options, set[str]()
        Operator.declared[task_id] = self

    def __rshift__(self, others: "list[Operator]") -> "list[Operator]":
        for other in others:
            other.upstream.add(self.task_id)
        return others

    def __rrshift__(self, others: "list[Operator]") -> "Operator":
        self.upstream |= {other.task_id for other in others}
        return self


class Decision:
    def __init__(self, delay: timedelta | None) -> None:
        self.delay = delay

    @classmethod
    def default(cls) -> "Decision":
        return cls(None)

    @classmethod
    def retry(cls, delay: timedelta) -> "Decision":
        return cls(delay)


def param(default: Any, **_: Any) -> Any:
    return default


STAND_INS: dict[str, dict[str, Any]] = {
    "airflow": {},
    "airflow.sdk": {"Param": param},
    "airflow.sdk.definitions": {},
    "airflow.sdk.definitions.retry_policy": {"RetryPolicy": object, "RetryDecision": Decision},
    "airflow.providers": {},
    "airflow.providers.cncf": {},
    "airflow.providers.cncf.kubernetes": {},
    "airflow.providers.cncf.kubernetes.operators": {},
    "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": Operator},
}


@pytest.fixture(scope="module")
def dag() -> Iterator[Dag]:
    made: list[Dag] = []

    def declare(dag_id: str, **options: Any) -> Dag:
        made.append(Dag(dag_id, **options))
        return made[0]

    Operator.declared = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, content in STAND_INS.items():
            module = ModuleType(name)
            vars(module).update({**content, **({"DAG": declare} if name == "airflow.sdk" else {})})
            patch.setitem(sys.modules, name, module)
        runpy.run_path(str(FILE))
        yield made[0]


@pytest.fixture
def tasks(dag: Dag) -> dict[str, Operator]:
    assert dag
    return Operator.declared


def test_it_is_the_declared_dag(dag: Dag) -> None:
    assert dag.dag_id == "model_training_selection"
    assert dag.options["description"] == "A simple DAG for model training and selection"
    assert dag.options["start_date"] == datetime(2023, 1, 1)
    assert dag.options["schedule"] == "@daily"
    assert dag.options["catchup"] is False


def test_a_task_is_tried_once_more_after_five_minutes_and_nobody_gets_mail(dag: Dag) -> None:
    given = dag.options["default_args"]
    assert given["owner"] == "airflow"
    assert given["depends_on_past"] is False
    assert (given["retries"], given["retry_delay"]) == (1, timedelta(minutes=5))
    assert given["email_on_failure"] is given["email_on_retry"] is False


@pytest.mark.parametrize(("seconds", "delay"), [(None, None), (5, timedelta(seconds=5))])
def test_a_run_may_say_when_its_tasks_are_tried_again(dag: Dag, seconds: int | None, delay: timedelta | None) -> None:
    policy = dag.options["default_args"]["retry_policy"]
    assert policy.evaluate(ValueError(), 1, 1, {"params": {"retry_seconds": seconds}}).delay == delay
    assert dag.options["params"] == {"retry_seconds": None}


def test_both_trainings_follow_the_features_and_precede_the_selection(tasks: dict[str, Operator]) -> None:
    assert {name: task.upstream for name, task in tasks.items()} == {
        "feature_engineering": set(),
        "train_rf": {"feature_engineering"},
        "train_gb": {"feature_engineering"},
        "select_best_model": {"train_rf", "train_gb"},
    }


def test_every_task_has_a_pod_with_resources_of_its_own(tasks: dict[str, Operator]) -> None:
    assert tasks.keys() <= catalog.load("iris").tasks.keys()
    for name, task in tasks.items():
        assert task.options["pod_template_file"] == f"{CONFIGURATION}/iris.{name}.json"


def test_results_go_by_xcom_and_the_data_by_address(tasks: dict[str, Operator]) -> None:
    assert all(task.options["do_xcom_push"] for task in tasks.values())
    address = "{{ ti.xcom_pull(task_ids='feature_engineering') }}"
    assert tasks["train_rf"].options["arguments"] == ["train", "RandomForest", address]
    assert tasks["train_gb"].options["arguments"] == ["train", "GradientBoosting", address]
    assert tasks["select_best_model"].options["arguments"] == [
        "select_best_model",
        "RandomForest={{ ti.xcom_pull(task_ids='train_rf', key='performance_RandomForest') }}",
        "GradientBoosting={{ ti.xcom_pull(task_ids='train_gb', key='performance_GradientBoosting') }}",
    ]

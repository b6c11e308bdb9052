"""The DAGs of continuous training as they are declared, with stand-ins for Airflow; the integration tests run them."""

import runpy
import sys
from datetime import timedelta
from fnmatch import fnmatch
from types import ModuleType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from modules.airflow.documents import CONFIGURATION, LOGS_CONNECTION
from modules.core.paths import REPOSITORY
from workloads import catalog, continuous
from workloads.artifacts import keys_below

PACKAGES = (
    "airflow",
    "airflow.providers",
    "airflow.providers.amazon",
    "airflow.providers.amazon.aws",
    "airflow.providers.amazon.aws.sensors",
    "airflow.providers.cncf",
    "airflow.providers.cncf.kubernetes",
    "airflow.providers.cncf.kubernetes.operators",
)


class Declared:
    """A DAG, an asset or a task: its name and its options."""

    made: list["Declared"]

    def __init__(self, name: str = "", **options: Any) -> None:
        self.name, self.options, self.after = name or options.get("task_id", ""), options, list[str]()
        Declared.made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __rshift__(self, other: "Declared") -> "Declared":
        other.after.append(self.name)
        return other


def declared(name: str, monkeypatch: pytest.MonkeyPatch, workload: str = "iris") -> dict[str, Declared]:
    """What a DAG's file declares, by name."""
    Declared.made = []
    sdk: dict[str, Any] = dict.fromkeys(("DAG", "Asset", "AssetOrTimeSchedule", "CronTriggerTimetable"), Declared)
    modules: dict[str, dict[str, Any]] = {
        **{package: {} for package in PACKAGES},
        "airflow.sdk": sdk,
        "airflow.providers.amazon.aws.sensors.s3": {"S3KeySensor": Declared},
        "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": Declared},
    }
    for module, content in modules.items():
        made = ModuleType(module)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, module, made)
    runpy.run_path(str(REPOSITORY / f"workloads/{workload}/dags/{name}.py"))
    return {each.name: each for each in Declared.made}


def test_new_data_is_looked_for_every_ten_seconds_by_one_process_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    found = declared("iris_new_data", monkeypatch)
    assert found["iris_new_data"].options["schedule"] == "@continuous"
    assert found["iris_new_data"].options["is_paused_upon_creation"] is False
    sensor = found["wait_for_new_data"].options
    assert (sensor["mode"], sensor["poke_interval"]) == ("poke", 10)
    assert sensor["aws_conn_id"] == LOGS_CONNECTION
    assert found["take_new_data"].after == ["wait_for_new_data"]


def test_exactly_what_a_task_takes_starts_one(monkeypatch: pytest.MonkeyPatch, store: Any) -> None:
    """A folder that an S3 browser made is an object whose key ends with a slash."""
    address: str = declared("iris_new_data", monkeypatch)["wait_for_new_data"].options["bucket_key"]
    pattern = urlsplit(address.replace("{{ var.json.addresses.raw }}", "s3://raw/")).path.lstrip("/")
    for name in ("", "a/", "a/b/", "a.csv", "a/b.csv", "empty"):
        store.put_object(Bucket="raw", Key=f"incoming/iris/{name}", Body=b"")
    seen = [key for _, key in store.objects if fnmatch(key, pattern)]  # as the sensor does
    assert sorted(seen) == sorted(keys_below(store, "raw", "incoming/iris/"))
    assert seen == [f"incoming/iris/{name}" for name in ("a.csv", "a/b.csv", "empty")]


def test_data_that_was_accepted_starts_a_training_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    take = declared("iris_new_data", monkeypatch)["take_new_data"].options
    assert take["skip_on_exit_code"] == continuous.NOTHING_NEW
    assert [asset.name for asset in take["outlets"]] == ["iris-data"]
    schedule = declared("iris_training", monkeypatch)["iris_training"].options["schedule"].options
    assert [asset.name for asset in schedule["assets"]] == ["iris-data"]


def test_it_is_trained_daily_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dag = declared("iris_training", monkeypatch)["iris_training"].options
    timetable = dag["schedule"].options["timetable"]
    assert timetable.name == "0 3 * * *"
    # Not left out, and not False: both make up for a run of the last tenth of the day (airflow/timetables/trigger.py).
    assert timetable.options["run_immediately"] == timedelta(0)
    assert "start_date" not in dag
    assert (dag["catchup"], dag["max_active_runs"], dag["is_paused_upon_creation"]) == (False, 1, False)


@pytest.mark.parametrize(("dag", "task"), [("iris_new_data", "take_new_data"), ("iris_training", "train_champion")])
def test_a_task_has_a_pod_of_its_own(dag: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = declared(dag, monkeypatch)[task].options
    assert task in catalog.load("iris").tasks
    assert options["pod_template_file"] == f"{CONFIGURATION}/iris.{task}.json"
    assert options["arguments"] == [task]


def test_new_data_of_the_lake_is_taken_and_then_trained_on_when_somebody_starts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = declared("screening_new_data", monkeypatch, workload="screening")
    dag = found["screening_new_data"].options
    assert (dag["schedule"], dag["max_active_runs"]) == (None, 1)
    assert found["take_new_data"].options["skip_on_exit_code"] == continuous.NOTHING_NEW
    assert found["train_champion"].after == ["take_new_data"]
    for task in catalog.load("screening").tasks:
        options = found[task].options
        assert options["pod_template_file"] == f"{CONFIGURATION}/screening.{task}.json"
        assert options["arguments"] == [task]

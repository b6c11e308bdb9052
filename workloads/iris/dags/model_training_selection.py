"""Trains two classifiers on the same split of iris and names the better one. Every task runs in a pod of its own.

The pods come with the platform, as files that are read when a task starts: image by digest, account, resources.
"""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUntypedBaseClass=false, reportUnusedExpression=false

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Param
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

PODS = "/etc/groundwork/airflow"


class RunDecides(RetryPolicy):
    """A run may retry sooner or later than its tasks declare, by its parameters."""

    def evaluate(self, exception: Any, try_number: int, max_tries: int, context: Any = None) -> Any:  # noqa: ARG002
        seconds = context["params"]["retry_seconds"] if context else None
        return RetryDecision.default() if seconds is None else RetryDecision.retry(timedelta(seconds=seconds))


def task(task_id: str, arguments: list[str], **options: Any) -> Any:
    """A task in its pod, whose result is an XCom."""
    return KubernetesPodOperator(
        task_id=task_id,
        pod_template_file=f"{PODS}/iris.{task_id}.json",
        base_container_name="task",
        arguments=arguments,
        env_vars={"GROUNDWORK_JOB": "{{ dag.dag_id }}/{{ run_id }}/{{ task.task_id }}"},
        automount_service_account_token=False,
        do_xcom_push=True,
        log_events_on_startup=False,  # events are not for what may only start pods
        startup_timeout_seconds=300,
        startup_check_interval_seconds=1,
        execution_timeout=timedelta(minutes=15),
        **options,
    )


def performance(task_id: str, model: str) -> str:
    return f"{model}={{{{ ti.xcom_pull(task_ids='{task_id}', key='performance_{model}') }}}}"


with DAG(
    "model_training_selection",
    description="A simple DAG for model training and selection",
    start_date=datetime(2023, 1, 1),
    schedule="@daily",
    catchup=False,
    params={
        "retry_seconds": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            description="Seconds before a failed task is tried again; without it, as the tasks declare.",
        )
    },
    default_args={
        "owner": "airflow",
        "depends_on_past": False,
        "email_on_failure": False,
        "email_on_retry": False,
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": RunDecides(),
    },
    tags=["iris"],
):
    features = task("feature_engineering", ["feature_engineering"])
    data = "{{ ti.xcom_pull(task_ids='feature_engineering') }}"
    forest = task("train_rf", ["train", "RandomForest", data], multiple_outputs=True)
    boosting = task("train_gb", ["train", "GradientBoosting", data], multiple_outputs=True)
    selection = task(
        "select_best_model",
        [
            "select_best_model",
            performance("train_rf", "RandomForest"),
            performance("train_gb", "GradientBoosting"),
        ],
    )
    features >> [forest, boosting] >> selection

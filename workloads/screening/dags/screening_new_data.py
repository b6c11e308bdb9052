"""Takes new data of screening into the tables of the lake and trains on the newest version: by hand, from Airflow's
page or its API. Environments without the workload have the DAG too, and nothing of it runs there."""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnusedExpression=false

from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

PODS = "/etc/groundwork/airflow"
NOTHING_NEW = 99
"""Exit code of a task that accepted nothing: nothing follows."""


def task(name: str, **options: Any) -> Any:
    return KubernetesPodOperator(
        task_id=name,
        pod_template_file=f"{PODS}/screening.{name}.json",
        base_container_name="task",
        arguments=[name],
        automount_service_account_token=False,
        do_xcom_push=True,
        log_events_on_startup=False,  # events are not for what may only start pods
        startup_timeout_seconds=300,
        startup_check_interval_seconds=1,
        execution_timeout=timedelta(minutes=15),
        **options,
    )


with DAG(
    "screening_new_data",
    description="Takes new data of screening into the lake and trains on it; nothing new: no training",
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "airflow", "retries": 1, "retry_delay": timedelta(seconds=30)},
    tags=["screening"],
):
    task("take_new_data", skip_on_exit_code=NOTHING_NEW) >> task("train_champion")

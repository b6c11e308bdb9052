"""Trains iris on what its data set is now: daily, when new data was accepted, and by hand. The better model becomes
champion where it is at least as good as the current one; `groundwork canary iris` rolls it out."""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false

from datetime import timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable

PODS = "/etc/groundwork/airflow"

with DAG(
    "iris_training",
    description="Trains iris daily and on new data; a model that performs at least as well becomes champion",
    # Without a start, and with no time to make up for: the first run is at the next time. Airflow's default makes up
    # for a run of up to 144 minutes ago, so that a platform made then would train beside `groundwork up`.
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(0)),
        assets=[Asset("iris-data")],
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "airflow", "retries": 1, "retry_delay": timedelta(minutes=1)},
    tags=["iris"],
):
    KubernetesPodOperator(
        task_id="train_champion",
        pod_template_file=f"{PODS}/iris.train_champion.json",
        base_container_name="task",
        arguments=["train_champion"],
        automount_service_account_token=False,
        do_xcom_push=True,
        log_events_on_startup=False,  # events are not for what may only start pods
        startup_timeout_seconds=300,
        startup_check_interval_seconds=1,
        execution_timeout=timedelta(minutes=15),
    )

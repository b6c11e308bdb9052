"""Waits for new data of iris in the raw bucket, looking twice a minute, and takes it: what is not as workload.yaml says
is set aside with a report. Data that was accepted starts the DAG iris_training."""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnusedExpression=false

from datetime import datetime, timedelta

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Asset

PODS = "/etc/groundwork/airflow"
NOTHING_NEW = 99
"""Exit code of a task that accepted nothing: nothing follows."""

with DAG(
    "iris_new_data",
    description="Takes new data of iris within a minute: validated, set aside where it is wrong",
    start_date=datetime(2023, 1, 1),
    schedule="@continuous",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "airflow", "retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["iris"],
):
    wait = S3KeySensor(
        task_id="wait_for_new_data",
        # A key that ends with a slash marks a folder and is no data.
        bucket_key="{{ var.json.addresses.raw }}incoming/iris/*[!/]",
        wildcard_match=True,
        aws_conn_id="logs",  # the connection to the object store, as which Airflow may read this bucket too
        # One process, or pod, that waits. A new one at every look would start twice a minute, for seconds of a core.
        mode="poke",
        poke_interval=30,
        timeout=timedelta(days=1).total_seconds(),
        soft_fail=True,
    )
    take = KubernetesPodOperator(
        task_id="take_new_data",
        pod_template_file=f"{PODS}/iris.take_new_data.json",
        base_container_name="task",
        arguments=["take_new_data"],
        automount_service_account_token=False,
        do_xcom_push=True,
        skip_on_exit_code=NOTHING_NEW,
        log_events_on_startup=False,  # events are not for what may only start pods
        startup_timeout_seconds=300,
        startup_check_interval_seconds=1,
        execution_timeout=timedelta(minutes=10),
        outlets=[Asset("iris-data")],
    )
    wait >> take

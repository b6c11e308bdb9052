"""Airflow: schedules the workloads' DAGs, whose tasks run in pods."""

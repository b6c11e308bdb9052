"""What holds for the tasks of all DAGs: Airflow looks for a module of this name and calls `task_policy` for each task.

A pod that was ended says nothing itself, so that its task's log would not tell why.
"""
# Airflow is in its own image only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false

from collections.abc import Container
from typing import Any

__all__ = ["task_policy"]


def reason(pod: Any, container: str, harmless: Container[int] = ()) -> str | None:
    """Why a container of the pod failed, for a person; None where it did not, or with an exit code that is harmless."""
    found = [status for status in (pod.status.container_statuses or []) if status.name == container]
    ended = found[0].state.terminated if found and found[0].state else None
    if ended is None or ended.exit_code == 0 or ended.exit_code in harmless:
        return None
    problem = f"The container {container!r} of pod {pod.metadata.name} ended with exit code {ended.exit_code}"
    if ended.reason != "OOMKilled":
        return f"{problem}: {ended.message or ended.reason}"
    return (
        f"{problem}: OOMKilled, it needed more memory than its limit of {memory_limit(pod, container)}. "
        "Raise limits.memory of the task in workload.yaml, or give it less to do"
    )


def memory_limit(pod: Any, container: str) -> str:
    spec = next(each for each in pod.spec.containers if each.name == container)
    limits: Any = (spec.resources.limits if spec.resources else None) or {}
    return limits.get("memory", "the node's")


def task_policy(task: Any) -> None:
    """Of tasks that run in a pod of their own. What is imported here would cost all processes memory otherwise."""
    if all(kind.__name__ != "KubernetesPodOperator" for kind in type(task).__mro__):
        return
    from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback

    class TellReason(KubernetesPodOperatorCallback):
        @staticmethod
        def on_pod_completion(*, pod: Any, operator: Any, **_: Any) -> None:
            problem = reason(pod, operator.base_container_name, operator.skip_on_exit_code) if pod else None
            if problem:
                operator.log.error(problem)

    task.callbacks = [*task.callbacks, TellReason]

"""The watch that the cluster's daemon keeps running: `groundwork canary WORKLOAD`."""

import os

from modules.core.paths import REPOSITORY

HANDED = ("PATH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Of the variables of whoever brought the environment up, all that the watch gets: none is a secret."""


def companion(workload: str) -> str:
    """Its name beside the cluster, and its log's."""
    return f"watch-{workload}"


def watch_command(stack: str, workload: str) -> list[str]:
    variables = [f"{name}={os.environ[name]}" for name in HANDED if name in os.environ]
    groundwork = str(REPOSITORY / ".venv/bin/groundwork")
    return ["env", "-i", "LANG=C.UTF-8", *variables, groundwork, "canary", workload, "--stack", stack]

"""The background process that the cluster's daemon supervises for a watched workload: `groundwork canary WORKLOAD`."""

import os

from modules.core.paths import REPOSITORY

PASSED_ON = ("PATH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Of the variables of whoever brought the environment up, all that the process gets: none is a secret."""


def process_name(workload: str) -> str:
    """Return its name, which its log has too."""
    return f"watch-{workload}"


def canary_command(stack: str, workload: str) -> list[str]:
    """Return the command that tries the new champions of a workload, with an environment of its own."""
    variables = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
    groundwork = str(REPOSITORY / ".venv/bin/groundwork")
    return ["env", "-i", "LANG=C.UTF-8", *variables, groundwork, "canary", workload, "--stack", stack]

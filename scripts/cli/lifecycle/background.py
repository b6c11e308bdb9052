"""The background process that the cluster's daemon supervises for a watched workload: `groundwork canary WORKLOAD`."""

import os

from embedded.cluster.layout import PATH
from modules.core.paths import REPOSITORY
from scripts.cli.environment import official_pulumi

PASSED_ON = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Of the variables of whoever brought the environment up, all that the process gets: none is a secret."""


def process_name(workload: str) -> str:
    """Return its name, which its log has too."""
    return f"watch-{workload}"


def canary_command(stack: str, workload: str) -> list[str]:
    """Return the command that tries the new champions of a workload, with an environment of its own: it lives as long
    as the cluster does, and finds programs where the machine has them, not where its caller looks for them."""
    variables = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
    engine = official_pulumi()
    path = PATH if engine is None else f"{engine.parent}:{PATH}"
    groundwork = str(REPOSITORY / ".venv/bin/groundwork")
    return ["env", "-i", "LANG=C.UTF-8", f"PATH={path}", *variables, groundwork, "canary", workload, "--stack", stack]

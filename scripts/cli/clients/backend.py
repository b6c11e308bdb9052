"""The engine's file backend of a stack: the only place that knows which files it keeps and what is in them."""

import json
import socket
from pathlib import Path
from typing import Any

from scripts.cli.environment import PROJECT, Environment

STACK_TYPE = "pulumi:pulumi:Stack"


class Backend:
    """What the engine remembers of a stack on this machine."""

    def __init__(self, environment: Environment) -> None:
        files = environment.backend / ".pulumi"
        self.checkpoint = files / "stacks" / PROJECT / f"{environment.stack}.json"
        self.locks = files / "locks" / "organization" / PROJECT / environment.stack

    def state(self) -> dict[str, Any]:
        """Return the last checkpoint: resources, pending_operations. Empty where the stack was never created."""
        if not self.checkpoint.exists():
            return {}
        return json.loads(self.checkpoint.read_text())["checkpoint"]["latest"] or {}

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the last checkpoint."""
        return self.state().get("resources") or []

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs as the last run that ended left them."""
        stack = next((each for each in self.resources() if each["type"] == STACK_TYPE), None)
        return (stack or {}).get("outputs") or {}

    def remove_dead_locks(self) -> list[int]:
        """Remove locks of engines that no longer run on this very host. Return the processes that hold the others."""
        living: list[int] = []
        for lock in sorted(self.locks.glob("*.json")):
            try:
                holder = json.loads(lock.read_text())
            except (FileNotFoundError, ValueError):  # it comes or goes at this very moment
                continue
            if holder.get("hostname") != socket.gethostname():
                continue
            if _is_engine(int(holder["pid"])):
                living.append(int(holder["pid"]))
            else:
                lock.unlink(missing_ok=True)
        return living


def _is_engine(pid: int) -> bool:
    """The number may have gone to another program since, after a restart of the machine above all."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi"
    except OSError:
        return False

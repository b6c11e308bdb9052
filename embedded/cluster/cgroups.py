"""The control groups that a node's pods live in, in both of the kernel's layouts."""

import os
import time
from pathlib import Path

from modules.core.errors import UserError

ROOT = Path("/sys/fs/cgroup")
NEEDED = ("cpu", "cpuset", "memory", "pids")
"""Controllers without which the kubelet won't start."""
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")


class Cgroups:
    """The group `name` directly below the root of each hierarchy, and all groups in it."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self.name = name
        self.root = root

    @property
    def unified(self) -> bool:
        """Whether there is the one hierarchy of version 2 only."""
        return (self.root / "cgroup.controllers").exists()

    def folders(self) -> list[Path]:
        """The group in each hierarchy, whether it is there or not. A hierarchy under two names counts once."""
        if self.unified:
            return [self.root / self.name]
        hierarchies = {path.resolve() for path in self.root.iterdir() if (path / "cgroup.procs").exists()}
        return sorted(path / self.name for path in hierarchies)

    def check(self) -> None:
        """UserError where the group can't be made such that the kubelet takes it. Changes nothing."""
        controllers = self._controllers()
        if absent := [name for name in NEEDED if name not in controllers]:
            raise UserError(
                f"control groups: {', '.join(absent)} missing in {self.root}: mount it where it is only that; the "
                "kernel must have it enabled (/proc/cgroups, cgroup_disable), and a container be given it"
            )
        handed = (self.root / "cgroup.subtree_control").read_text().split() if self.unified else NEEDED
        # Below its own root the kernel hands nothing on from a group that has processes itself.
        if {*NEEDED} - {*handed} and (self.root / "cgroup.type").exists() and _members(self.root):
            raise UserError(
                f"control groups: {self.root} is a container's own and has processes directly in it, so that no "
                "controller can be handed to a group below. Move them first: mkdir /sys/fs/cgroup/init; for pid in "
                "$(cat /sys/fs/cgroup/cgroup.procs); do echo $pid >/sys/fs/cgroup/init/cgroup.procs; done"
            )

    def create(self) -> None:
        """Makes the group everywhere, ready for the kubelet: it refuses a root that lacks a controller."""
        if self.unified:
            self._delegate(self.root)
        for folder in self.folders():
            folder.mkdir(exist_ok=True)
            for file in CPUSET_FILES:
                # A new cpuset of version 1 is empty, and takes no process before it is filled.
                if not self.unified and (folder / file).exists():
                    (folder / file).write_text((folder.parent / file).read_text())
        if self.unified:
            self._delegate(self.root / self.name)

    def remove(self, wait_s: float = 10.0) -> None:
        """Removes the group everywhere, once the processes in it have ended; waits for that at most `wait_s`."""
        until = time.monotonic() + wait_s
        for folder in self.folders():
            while folder.exists() and not _remove_tree(folder):
                if time.monotonic() > until:
                    raise OSError(f"{folder}: processes are left in it: {pids(folder)}")
                time.sleep(0.05)

    def exists(self) -> bool:
        return any(folder.exists() for folder in self.folders())

    def pods(self) -> Path:
        """Where the kubelet's tree of pods can be read, in a hierarchy that is always there."""
        return (self.root / self.name if self.unified else self.root / "memory" / self.name) / "kubepods"

    def _controllers(self) -> list[str]:
        if self.unified:
            return (self.root / "cgroup.controllers").read_text().split()
        return [name for name in NEEDED if (self.root / name / "cgroup.procs").exists()]

    def _delegate(self, folder: Path) -> None:
        """Hands each controller that a group has on to the groups below it."""
        for name in (folder / "cgroup.controllers").read_text().split():
            try:
                (folder / "cgroup.subtree_control").write_text(f"+{name}")
            except OSError:
                if name in NEEDED:
                    raise


def pids(folder: Path) -> list[int]:
    """Processes in a group and in all groups below it."""
    found: list[int] = []
    for path in folder.rglob("cgroup.procs"):
        try:
            found += _members(path.parent)
        except OSError:  # the group went meanwhile
            continue
    return found


def _members(folder: Path) -> list[int]:
    """Processes in a group itself."""
    return [int(line) for line in (folder / "cgroup.procs").read_text().split()]


def _remove_tree(folder: Path) -> bool:
    """Removes a group and those below it, the deepest first; False where one is still in use."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True

"""The machine itself: which programs it must have, and how a missing one is installed."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from embedded.cluster.host import TOOLS
from embedded.cluster.layout import cni_folder
from modules.core.errors import UserError
from scripts.cli.files import create
from scripts.cli.steps import Progress

NEEDED: Mapping[str, str] = {
    **TOOLS,
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}
"""Of an environment: Debian package by the program that it is needed for. A cluster alone needs TOOLS."""
POLICY_RC_D = "#!/bin/sh\n# Of groundwork, while it installs packages; a leftover may be removed.\nexit 101\n"
"""Starts nothing. Says whose it is, so that it is never taken for the machine's own."""
GUARD = 'trap "" INT TERM HUP; read -r line; rm -f "$1"'
"""Reads from a pipe, which ends when nobody holds its other end any more."""
LOCK_SECONDS = 300.0
"""A machine that has just started may be installing its own updates for so long."""


def missing_packages(needed: Mapping[str, str]) -> list[str]:
    """Debian packages of the programs that this machine lacks; a program from elsewhere counts as there.

    needed: package by program. The plugins of CNI are always needed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = {package for program, package in needed.items() if shutil.which(program, path=path) is None}
    return sorted(missing if cni_folder() else {*missing, "containernetworking-plugins"})


def ensure_packages(progress: Progress, log: Path, needed: Mapping[str, str]) -> None:
    """Installs what is missing of `needed`, and nothing else: no upgrade, no service started or restarted."""
    missing = missing_packages(needed)
    if not missing:
        progress("nothing is missing")
        return
    if os.geteuid() != 0:
        raise UserError(f"host: {', '.join(missing)} missing and this is not root: run as root, or have them installed")
    if shutil.which("apt-get") is None:
        raise UserError(f"host: {', '.join(missing)} missing (as Debian names them): install them your own way")
    progress(f"installing {', '.join(missing)}")
    with ServiceStartBlocked() as blocked:
        _apt(["update"], progress, log, blocked)
        _apt(["install", "--no-install-recommends", "--no-upgrade", *missing], progress, log, blocked)
    still = missing_packages(needed)
    if still:
        raise UserError(f"host: {', '.join(still)} installed, but its programs are not on PATH: see {log}")


def _apt(arguments: list[str], progress: Progress, log: Path, blocked: "ServiceStartBlocked") -> None:
    """Runs apt-get, again while another package manager holds its locks."""
    command = ["apt-get", "-q", "-y", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "LC_ALL": "C"}
    handles = () if blocked.handle is None else (blocked.handle,)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=handles,
        )
        with log.open("a") as output:
            output.write(done.stdout + done.stderr)
        if done.returncode == 0:
            return
        if "Could not get lock" not in done.stderr or time.monotonic() > deadline:
            raise UserError(
                f"host: `{' '.join(command)}` failed (exit code {done.returncode}): see {log}, fix the cause and rerun"
            )
        progress("another package manager is at work: waiting for it")
        time.sleep(2)


class ServiceStartBlocked:
    """While it lasts, packages don't start the services they bring: the policy-rc.d of Debian policy 9.3.3.

    A policy that is already there is the machine's own, and stays as it is; one of ours is what a machine that lost its
    power left, and goes. A command that is left at once, or killed, leaves a package manager at work: a process of its
    own removes the policy then, when all that inherited `handle` has ended.
    """

    def __init__(self, path: Path = Path("/usr/sbin/policy-rc.d")) -> None:
        self.path = path
        self.handle: int | None = None
        """For programs that the policy must outlast; None where the policy is the machine's own."""
        self.guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if create(self.path, POLICY_RC_D, 0o755) or self.path.read_bytes() == POLICY_RC_D.encode():
            ends, self.handle = os.pipe()
            self.guard = subprocess.Popen(
                ["/bin/sh", "-c", GUARD, "sh", str(self.path)],
                stdin=ends,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # where no Ctrl-C reaches it
            )
            os.close(ends)
        return self

    def __exit__(self, *_: object) -> None:
        if self.guard is None or self.handle is None:
            return
        self.path.unlink(missing_ok=True)
        self.guard.kill()
        self.guard.wait()
        os.close(self.handle)

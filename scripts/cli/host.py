"""The machine itself: which programs it must have, and how a missing one is installed."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from embedded.cluster.host import TOOLS
from embedded.cluster.layout import cni_folder
from modules.core.errors import UserError

from .steps import Progress

NEEDED: Mapping[str, str] = {
    **TOOLS,
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}
"""Debian package by the program that it is needed for."""
LOCK_SECONDS = 300.0
"""A machine that has just started may be installing its own updates for so long."""


def missing_packages() -> list[str]:
    """Debian packages of the programs that this machine lacks; a program from elsewhere counts as there."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = {package for program, package in NEEDED.items() if shutil.which(program, path=path) is None}
    return sorted(missing if cni_folder() else {*missing, "containernetworking-plugins"})


def ensure_packages(progress: Progress, log: Path) -> None:
    """Installs what is missing, and nothing else: no upgrade, no service started or restarted."""
    missing = missing_packages()
    if not missing:
        progress("nothing is missing")
        return
    if os.geteuid() != 0:
        raise UserError(f"host: {', '.join(missing)} missing and this is not root: run as root, or have them installed")
    if shutil.which("apt-get") is None:
        raise UserError(f"host: {', '.join(missing)} missing (as Debian names them): install them your own way")
    progress(f"installing {', '.join(missing)}")
    with Policy():
        _apt(["update"], progress, log)
        _apt(["install", "--no-install-recommends", "--no-upgrade", *missing], progress, log)
    still = missing_packages()
    if still:
        raise UserError(f"host: {', '.join(still)} installed, but its programs are not on PATH: see {log}")


def _apt(arguments: list[str], progress: Progress, log: Path) -> None:
    """Runs apt-get, again while another package manager holds its locks."""
    command = ["apt-get", "-q", "-y", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "LC_ALL": "C"}
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        with log.open("a") as output:
            output.write(done.stdout + done.stderr)
        if done.returncode == 0:
            return
        if "Could not get lock" not in done.stderr or time.monotonic() > deadline:
            raise UserError(
                f"host: `{' '.join(command)}` failed (exit code {done.returncode}): see {log}, mend it, run again"
            )
        progress("another package manager is at work: waiting for it")
        time.sleep(2)


class Policy:
    """While it lasts, packages don't start the services they bring: the policy-rc.d of Debian policy 9.3.3.

    A policy that is already there is the machine's own, and stays as it is.
    """

    def __init__(self, path: Path = Path("/usr/sbin/policy-rc.d")) -> None:
        self.path = path
        self.ours = False

    def __enter__(self) -> None:
        try:
            with self.path.open("x") as policy:
                policy.write("#!/bin/sh\nexit 101\n")
        except FileExistsError:
            return
        self.path.chmod(0o755)
        self.ours = True

    def __exit__(self, *_: object) -> None:
        if self.ours:
            self.path.unlink(missing_ok=True)

"""Starts, watches and stops one embedded cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY

from . import background, host, status
from .cgroups import Cgroups
from .layout import API_PORT, PATH, Layout
from .logs import keep_bounded, last_output
from .parts import answers
from .processes import Process, alive, descendants, processes_of
from .spec import ClusterSpec, Wording
from .status import START_SECONDS, Patience, Status

Progress = Callable[[str], None]
STOP_SECONDS = 110
BACKGROUND_SECONDS = 30


def _silent(_: str) -> None:
    return


class Cluster:
    """One embedded cluster, running or not. Making this object starts nothing.

    `start_seconds`: see START_SECONDS. Not part of the spec: a running cluster is none the worse for another figure.
    `wording`: of refusals.
    """

    def __init__(
        self, spec: ClusterSpec, *, start_seconds: float = START_SECONDS, wording: Wording | None = None
    ) -> None:
        self.spec = spec
        self.start_seconds = start_seconds
        self.wording = wording or Wording()
        self.layout = Layout(spec.state_dir)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def node_address(self) -> str:
        """The node's address, reachable from this machine and from pods while the cluster runs."""
        return str(self.spec.addresses.node)

    @property
    def registry(self) -> str:
        """host:port of the image registry, for pushing from this machine and for pulling by the node."""
        return self.spec.registry_address

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig, mode 0600, whose one context has the cluster's name."""
        return self.layout.kubeconfig

    @property
    def ca(self) -> Path:
        """PEM file of the CA certificate of API server and registry."""
        return self.layout.certificate("ca")

    @property
    def running(self) -> bool:
        """Whether the cluster's processes are there, ready or not."""
        return status.daemon_pid(self.layout) is not None

    def status(self) -> Status:
        return status.read(self.layout)

    def supervise(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Run these commands, by name, as background processes whenever the cluster runs, and no others.

        They are started again when they end. Return when those that ran and are not wanted have ended."""
        background.declare(self.layout.background, commands)
        until = time.monotonic() + BACKGROUND_SECONDS
        while self.status().background.keys() - commands.keys() and time.monotonic() < until:
            time.sleep(status.POLL_SECONDS)

    def processes(self) -> list[Process]:
        """All processes of the cluster, its pods' included; none where it doesn't run."""
        pid = status.daemon_pid(self.layout)
        return processes_of(pid) if pid else []

    def check_identity(self) -> None:
        """UserError where its data were made with another name or network: addresses are all over them."""
        asked = {"name": self.spec.name, "network": self.spec.network}
        try:
            made = json.loads(self.layout.identity.read_text())
        except FileNotFoundError:
            return
        for field, key in (("name", "cluster name"), ("network", self.wording.network)):
            if made[field] != asked[field]:
                raise UserError(
                    f"{key}: {asked[field]}, but the data in {self.layout.root} were made with {made[field]}: "
                    f"set that again, or destroy the cluster with its data first ({self.wording.destroy})"
                )

    def start(self, progress: Progress = _silent) -> None:
        """Returns when pods can be placed. A cluster that runs as it should is left alone; one of another spec or
        other binaries is started anew with its data.

        Raises UserError, having changed nothing, where it can't run here; and where it doesn't come up.
        """
        host.require_root()
        self.check_identity()
        with self._alone():
            now = self.status()
            as_asked = now.fingerprint == self.spec.fingerprint()
            if as_asked and now.state == "ready" and self._answers():
                progress("runs already")
                return
            if not (as_asked and now.state == "starting"):
                host.check(self.spec, self._port() if self.running else None, self.wording)
                if self.running:
                    progress("running with a different spec: stopping it first")
                    self._stop(progress)
                self._launch()
            self._wait_until_ready(progress)
            progress(f"ready at {self.node_address}")

    def stop(self, progress: Progress = _silent) -> None:
        """Ends pods and parts gently and keeps all data. Nothing happens where it doesn't run."""
        if self.layout.root.exists():
            host.require_root()
            with self._alone():
                self._stop(progress)
                self._tidy()

    def destroy(self, progress: Progress = _silent) -> None:
        """Ends the cluster at once and removes everything of it, data too; not the images in the registry's storage."""
        host.require_root()
        if self.layout.root.exists():
            with self._alone():
                self._kill(progress)
                self._tidy()
                progress("removing its data")
                shutil.rmtree(self.layout.root)
        self._tidy()

    def _answers(self) -> bool:
        return answers(self.node_address, API_PORT, "/readyz", self.layout)

    def _port(self) -> int | None:
        """Of the spec that runs now."""
        return ClusterSpec.from_json(self.layout.spec.read_text()).api_port

    def _launch(self) -> None:
        # The daemon imports this package too, and for as long as it lives never needs what this brings along.
        from . import configuration

        self._tidy()
        configuration.write(self.spec)
        self.layout.status.unlink(missing_ok=True)
        self.layout.spec.write_text(self.spec.to_json())
        self.layout.identity.write_text(json.dumps({"name": self.spec.name, "network": self.spec.network}))
        keep_bounded(self.layout.daemon_log)
        # Nothing of the caller's environment: it may hold secrets.
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}
        with self.layout.daemon_log.open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "embedded.cluster.daemon", str(self.layout.root)],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _wait_until_ready(self, progress: Progress) -> None:
        patience = Patience(self.start_seconds)
        reported = ""
        while True:
            now = self.status()
            if now.state == "ready":
                return
            if now.state == "failed":
                raise UserError(f"cluster {self.name}: {now.message}")
            if now.state == "stopped":
                raise UserError(f"cluster {self.name}: its daemon ended: {self._daemon_words()}")
            if patience.is_over(now):
                setting = self.wording.start_seconds
                slow = f"Where the machine is only slow, raise {setting}. Then run" if setting else "Run"
                raise UserError(
                    f"cluster {self.name}: nothing has moved for {self.start_seconds:.0f} s, still {now.message}: see "
                    f"the logs in {self.layout.logs}. {slow} again: what has started until now goes on"
                )
            if now.message and now.message != reported:
                reported = now.message
                progress(reported)
            time.sleep(status.POLL_SECONDS)

    def _daemon_words(self) -> str:
        return f"{last_output(self.layout.daemon_log)} (log: {self.layout.daemon_log})"

    def _stop(self, progress: Progress) -> None:
        pid = status.daemon_pid(self.layout)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        until, reported = time.monotonic() + STOP_SECONDS, ""
        while self.running and time.monotonic() < until:
            message = self.status().message
            if message and message != reported:
                reported = message
                progress(reported)
            time.sleep(status.POLL_SECONDS)
        self._kill(progress)

    def _kill(self, progress: Progress) -> None:
        pid = status.daemon_pid(self.layout)
        if pid is None:
            return
        progress("ending its processes")
        everything = descendants(pid)
        os.kill(pid, signal.SIGKILL)
        while any(alive(process) for process in everything):  # the kernel ends the node with its daemon
            time.sleep(status.POLL_SECONDS)

    def _tidy(self) -> None:
        """Removes what a daemon that was killed could not."""
        cgroups = Cgroups(self.spec.name)
        if cgroups.exists():
            cgroups.remove()
        host.link_down(self.spec.name)

    def _alone(self) -> AbstractContextManager[None]:
        """One command at a time changes a cluster; the next one waits."""
        return status.alone(self.layout.root)

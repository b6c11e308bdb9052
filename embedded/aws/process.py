"""The account's server as a background process, with the folder of its data: at most one for each folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from embedded.cluster.layout import PATH
from embedded.cluster.logs import keep_bounded, last_output
from embedded.cluster.status import alone, holder
from modules.core.errors import UserError

from .clusters import Clusters, Machine

STOP_SECONDS = 180.0
"""What it gets to end its clusters."""
POLL_SECONDS = 0.1
Progress = Callable[[str], None]


class AccountServer:
    """One account's server, running or not. Making this object starts nothing.

    folder: of its data, its log, and the file that has its port. account: its number, twelve digits. tools, registry:
    see Machine.
    """

    def __init__(self, folder: Path, *, account: str, tools: Path, registry: Path) -> None:
        self.folder, self.account = folder, account
        self.machine = Machine(folder=folder / "machine", tools=tools, registry=registry)
        self.log = folder / "server.log"
        self._port = folder / "port"

    @property
    def pid(self) -> int | None:
        """Of the server; None where none runs."""
        return holder(self.machine.lock)

    @property
    def address(self) -> str | None:
        """URL of the account; None while no server answers there."""
        text = self._port.read_text().strip() if self._port.exists() else ""
        return f"http://127.0.0.1:{text}" if text and self.pid else None

    def start(self, progress: Progress) -> None:
        """Return once it answers; one that runs, or that another command starts, is left alone. UserError where it does
        not come up."""
        with alone(self.folder):
            if self.address is None:
                self.stop()  # of a start that was interrupted
                progress("starting the account's server")
                self._launch()
        progress(f"answers at {self.address}")

    def stop(self) -> None:
        """End the server with its clusters and databases, those too that one left that was killed."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if (pid := self.pid) is not None:
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(pid, number)
            until = time.monotonic() + STOP_SECONDS
            while self.pid is not None and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
        Clusters(self.machine).destroy_all()

    def remove(self) -> None:
        """The same, with all data: nothing of the account is left on this machine but images."""
        with alone(self.folder):
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._port.unlink(missing_ok=True)
        keep_bounded(self.log)
        machine = self.machine
        where = ["--machine", machine.folder, "--tools", machine.tools, "--registry", machine.registry]
        # Nothing of the caller's environment: it may hold secrets.
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "MOTO_ACCOUNT_ID": self.account}
        command = ["setsid", "--fork", sys.executable, "-I", "-m", "embedded.aws", *map(str, where)]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as started,
        ):
            assert started.stdout is not None
            port = started.stdout.readline().strip()  # nothing where the server has ended
        if not port:
            raise UserError(f"the emulated account does not start: {last_output(self.log)} (log: {self.log})")
        self._port.write_text(port)

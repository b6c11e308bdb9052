"""A model server as a process of its own, as its pod runs it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workloads.server.models import box_model
from workloads.server.holder import Holder


@pytest.fixture
def holder() -> Holder:
    holder = Holder()
    holder.model = box_model()
    return holder


@pytest.fixture
def drain_file(tmp_path: Path) -> Path:
    return tmp_path / "draining"


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]
    drain_file: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def memory(self) -> int:
        """Bytes: the most that the process ever had in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Of a model in process.py, by its name, or of one in a folder; with these variables beside this process' own."""
    with ExitStack() as stack:

        def start(model: str, **variables: str) -> Server:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
            drain_file = tmp_path / "draining"
            command = [sys.executable, "-m", "tests.workloads.server.process", model, str(listener.fileno())]
            process = subprocess.Popen(
                [*command, str(drain_file)], pass_fds=[listener.fileno()], env={**os.environ, **variables}
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            return Server(listener.getsockname()[1], process, drain_file)

        yield start

"""Processes that tests start: they end with the block, also where that fails."""

import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Generator[subprocess.Popen[str]]:
    """A process, whose output can be read unless the options of `subprocess.Popen` lead it elsewhere. The block of
    `Popen` itself would wait for the process without end where a test fails."""
    given: dict[str, Any] = {"stdout": subprocess.PIPE, **options}
    with subprocess.Popen(command, text=True, **given) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def serving(*arguments: str) -> Generator[list[str]]:
    """The addresses that a program of ours serves, whose ports are its first line."""
    with running([sys.executable, *arguments]) as server:
        assert server.stdout
        yield [f"http://127.0.0.1:{port}" for port in server.stdout.readline().split()]

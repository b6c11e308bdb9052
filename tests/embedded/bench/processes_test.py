import os
import signal
import sys
from pathlib import Path

import pytest

from embedded.bench.processes import measure


def measured(folder: Path, program: str) -> None:
    measure([sys.executable, "-c", program], folder=folder, environment=dict(os.environ))


def test_a_command_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exited with 3:\nno such thing"):
        measured(tmp_path, "print('no such thing'); raise SystemExit(3)")


def test_an_interrupted_measurement_ends_its_command(tmp_path: Path) -> None:
    interrupt = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(60); open('end', 'w')"
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            measured(tmp_path, interrupt)
    finally:
        signal.signal(signal.SIGINT, former)
    assert not (tmp_path / "end").exists()

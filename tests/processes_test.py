import signal
import subprocess
import sys

import pytest

from tests.processes import running


def test_a_process_ends_with_a_block_that_fails() -> None:
    started = list[subprocess.Popen[str]]()

    def fail() -> None:
        with running([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
            started.append(process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert started[0].returncode == -signal.SIGTERM

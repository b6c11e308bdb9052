"""When a plugin ends."""

import signal
import sys

from tests.processes import running

TOLD_ON_ANOTHER_THREAD = """
import signal, threading
from embedded.providers.base import shutdown

shutdown.LOOK_SECONDS = 600
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
shutdown.serve_the_engine(4711)
print("left")
"""


def test_a_signal_that_arrives_on_another_thread_ends_a_plugin_at_once() -> None:
    command = [sys.executable, "-c", TOLD_ON_ANOTHER_THREAD]
    with running(command) as plugin:
        assert plugin.stdout
        assert plugin.stdout.readline() == "4711\n"
        plugin.send_signal(signal.SIGINT)
        assert plugin.communicate(timeout=60)[0] == "left\n"

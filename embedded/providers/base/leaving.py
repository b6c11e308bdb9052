"""When a plugin ends: told by the engine, or left behind by one that was killed."""

import os
import signal
import threading

LOOK_SECONDS = 1.0


def serve_the_engine(port: int) -> None:
    """Tells the engine the port, on standard output; returns on SIGINT or SIGTERM, and when the engine that started
    this process is gone.

    A plugin has a process group of its own: a signal that arrives is the engine's word that it is done, never Ctrl-C.
    """
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: told.set())
    engine = os.getppid()
    print(port, flush=True)
    while not told.wait(LOOK_SECONDS) and os.getppid() == engine:
        pass

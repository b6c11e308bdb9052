"""When a plugin ends: on the engine's signal, or once an engine that was killed has left it behind."""

import os
import select
import signal

LOOK_SECONDS = 1.0


def serve_the_engine(port: int) -> bool:
    """Report the port to the engine, on standard output. Return on SIGINT or SIGTERM, and when the engine that started
    this process is gone: True after a signal.

    A plugin has a process group of its own: a signal that arrives means that the engine is done, never Ctrl-C.
    It may arrive on any thread, where it ends no waiting of this one: Python writes it into a pipe that this one reads.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    engine = os.getppid()
    print(port, flush=True)
    while os.getppid() == engine:
        if select.select([reader], [], [], LOOK_SECONDS)[0]:
            return True
    return False

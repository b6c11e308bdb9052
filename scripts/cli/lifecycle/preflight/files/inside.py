"""What a pod sees of its cluster, as JSON. It runs inside of one, by the Python of an image of the platform."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PATIENCE_SECONDS = 15.0
"""Network and policies of a pod may come a moment after it."""


def problem(host: str, port: int) -> str | None:
    """Why a connection fails; None where it does not."""
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        return str(error) or type(error).__name__
    return None


def resolves(name: str) -> str | None:
    try:
        socket.getaddrinfo(name, 443)
    except OSError as error:
        return str(error)
    return None


def eventually(ask: "Callable[..., str | None]", *arguments: object) -> "str | None":
    """The last answer, once it is None or patience has ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask(*arguments)) is not None and time.monotonic() < until:
        time.sleep(0.5)
    return answer


def is_closed(host: str, port: int) -> bool:
    return eventually(lambda: "open" if problem(host, port) is None else None) is None


asked = json.loads(sys.argv[1])
names = eventually(resolves, asked["name"])
closed = is_closed(os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
with ThreadPoolExecutor() as pool:  # each that does not answer takes all patience
    answers = {name: pool.submit(eventually, problem, *address) for name, address in asked["servers"].items()}
    reached = {name: answer.result() for name, answer in answers.items()}
print(json.dumps({"names": names, "closed": closed, "servers": reached, "time": time.time()}))

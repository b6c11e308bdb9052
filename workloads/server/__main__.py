"""`python -m workloads.server [serve|check|drain]`: answer; try the model in this image; let clients move on."""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

PORT, GRPC_PORT = 8080, 8081
DRAIN_FILE = Path(tempfile.gettempdir()) / "draining"
DRAIN_SECONDS = 8
"""From the pod's removal from the Service to its last new connection: several of kube-proxy's rounds (1 s each), and
time for a client with a kept connection to send a request and be asked to close it."""


def serve() -> int:
    import uvloop

    from workloads.server import listener
    from workloads.server.app import App
    from workloads.server.bounds import Budget
    from workloads.server.grpc.server import GrpcServer
    from workloads.server.grpc.service import GrpcService
    from workloads.server.holder import Holder
    from workloads.server.loader import load_into
    from workloads.server.metrics import Metrics
    from workloads.server.model import read_pin
    from workloads.server.watch import Watch

    DRAIN_FILE.unlink(missing_ok=True)  # of a container before this one in the same pod
    pin, holder, watch = read_pin(os.environ), Holder(), Watch(DRAIN_FILE)
    loading = threading.Thread(target=load_into, args=(holder, pin), daemon=True)
    metrics, budget = Metrics(pin), Budget()
    service, app = GrpcService(pin, holder, metrics, budget), App(pin, holder, metrics, budget)
    grpc = GrpcServer(service.answer, budget, service.headers, port=GRPC_PORT, watch=watch)
    http = listener.HttpServer(app.answer, budget, app.headers, listener=listener.listen("0.0.0.0", PORT), watch=watch)
    uvloop.run(listener.run([watch, grpc, http], start=loading.start))
    return 0


def check() -> int:
    from workloads.server.check import run

    return run(os.environ)


def drain() -> int:
    """The pod's preStop hook; imports nothing, so that it works at once however busy the pod is."""
    DRAIN_FILE.touch()
    time.sleep(DRAIN_SECONDS)
    return 0


COMMANDS = {"serve": serve, "check": check, "drain": drain}


def main(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "serve"
    if command not in COMMANDS or len(arguments) > 1:
        print(f"use: python -m workloads.server [{'|'.join(COMMANDS)}], not {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    return COMMANDS[command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

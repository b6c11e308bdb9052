"""A gRPC server in a thread of the test's process, and a client of grpcio, which tritonclient is built on."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from tests.workloads.signed import signed_pin
from workloads.server.bounds import Budget
from workloads.server.grpc import inference_pb2 as messages
from workloads.server.grpc.server import GrpcServer
from workloads.server.grpc.service import SERVICE, GrpcService
from workloads.server.holder import Holder
from workloads.server.metrics import Metrics
from workloads.server.watch import Watch

PIN = signed_pin(uri="s3://b/k", digest="sha256:" + "a" * 64)
library: Any = grpc


class Running:
    """Until it is stopped."""

    def __init__(self, holder: Holder, drain_file: Path, budget: Budget | None = None) -> None:
        self.holder, self.budget, self.metrics = holder, budget or Budget(), Metrics(PIN)
        service = GrpcService(PIN, holder, self.metrics, self.budget)
        self.loop, self.watch = asyncio.new_event_loop(), Watch(drain_file)
        self.server = GrpcServer(service.answer, self.budget, service.headers, port=0, watch=self.watch)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._do(self.server.__aenter__())
        self._do(self.watch.__aenter__())
        self.address = f"127.0.0.1:{self.server.port}"

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def stop(self) -> None:
        """As on SIGTERM: listens no more, ends what is connected."""
        self._do(self.watch.__aexit__(None, None, None))
        self._do(self.server.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def running(holder: Holder, drain_file: Path, budget: Budget | None = None) -> Generator[Running]:
    server = Running(holder, drain_file, budget)
    try:
        yield server
    finally:
        server.stop()


class Client:
    """With a connection that it keeps, and no retries of its own."""

    def __init__(self, address: str) -> None:
        # A pool of connections of its own: grpcio shares them between channels otherwise.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        self.channel = library.insecure_channel(address, options)

    def close(self) -> None:
        self.channel.close()

    def send(self, method: str, message: bytes) -> Any:
        """The call; `result()` is the answer's bytes, or raises an error with `code()` and `details()`."""
        return self.channel.unary_unary(f"/{SERVICE}/{method}").future(message, timeout=30)

    def ask(self, method: str, request: Any) -> Any:
        answer = self.send(method, request.SerializeToString()).result()
        return getattr(messages, f"{method}Response").FromString(answer)

    def refused(self, method: str, message: bytes) -> tuple[str, str]:
        """Name of the status, and the text."""
        call = self.send(method, message)
        call.exception()
        return call.code().name, call.details()


def rows(*given: list[float], name: str = "box", version: str = "") -> messages.ModelInferRequest:
    """A request for rows of the tests' classifier, in fields."""
    request = messages.ModelInferRequest(model_name=name, model_version=version)
    tensor = request.inputs.add(name="input", datatype="FP64", shape=[len(given), 2])
    tensor.contents.fp64_contents.extend(each for row in given for each in row)
    return request


def held_in_the_end(server: Running) -> int:
    """Once the ends of the calls that were just answered have been noticed."""
    for _ in range(100):
        if not server.budget.held:
            break
        time.sleep(0.02)
    return server.budget.held


def wait_until(happened: Any) -> None:
    ends = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.01)

"""Starts a policy pack behind a small proxy.

A pack asks for its stack's name and configuration while it is being imported, but the engine sends them only by a call
to the running pack. So the engine first talks to a proxy; the call ConfigureStack starts the pack, with what it carries
as variables, and from then on every call is passed through as bytes.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import analyzer_pb2, language_pb2

SERVICE = "/pulumirpc.Analyzer/"

Handler = Callable[[bytes, grpc.ServicerContext], bytes]


class Pack(grpc.GenericRpcHandler):
    """The engine's side: answers until the pack runs, then passes on."""

    def __init__(self, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        self._command, self._folder, self._variables = command, folder, variables
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self.process: subprocess.Popen[str] | None = None

    def service(self, handler_call_details: Any) -> Any:
        make: Any = grpc.unary_unary_rpc_method_handler
        return make(self._handler(str(handler_call_details.method)))

    def _handler(self, method: str) -> Handler:
        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            name = method.removeprefix(SERVICE)
            if name == "Handshake" and self._channel is None:
                # Packs of older SDKs know no handshake; the engine does without.
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "no handshake")
            if name == "ConfigureStack":
                self._start(analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request))
                return analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString()
            return self._pass(method, request, context)

        return handle

    def _start(self, stack: Any) -> None:
        variables = {
            **self._variables,
            "PULUMI_ORGANIZATION": stack.organization or "organization",
            "PULUMI_PROJECT": stack.project,
            "PULUMI_STACK": stack.stack,
            "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
            "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        }
        self._connect(variables)

    def _connect(self, variables: dict[str, str]) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self.process = subprocess.Popen(
                    self._command, cwd=self._folder, env=variables, stdout=subprocess.PIPE, text=True
                )
                stdout = self.process.stdout
                port = stdout.readline().strip() if stdout else ""
                if not port.isdigit():
                    raise RuntimeError(f"the policy pack in {self._folder} did not start: {port}")
                self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
            return self._channel

    def _pass(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        # Without ConfigureStack (publishing a pack) the pack starts at the first call.
        channel: Any = self._connect(self._variables)
        try:
            return channel.unary_unary(method)(request)
        except grpc.RpcError as error:
            status: Any = error
            context.abort(status.code(), status.details())
            raise


def run_policy_pack(
    command: list[str], folder: Path, variables: dict[str, str], cancelled: threading.Event
) -> Iterator[Any]:
    """Yields what the engine reads of a plugin: first the port; ends when the engine ends the call."""
    server = grpc.server(ThreadPoolExecutor(16))
    pack = Pack(command, folder, variables)
    server.add_generic_rpc_handlers((pack,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield language_pb2.RunPluginResponse(stdout=f"{port}\n".encode())
        while not cancelled.wait(0.2):
            if pack.process is not None and pack.process.poll() is not None:
                yield language_pb2.RunPluginResponse(exitcode=pack.process.returncode)
                return
    finally:
        server.stop(None)
        if pack.process is not None:
            pack.process.terminate()

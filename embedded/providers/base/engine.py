"""The engine's log service: diagnostics and passing status lines of a resource."""

import contextlib
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from .calls import Severity

SEVERITIES = {
    "debug": engine_pb2.LogSeverity.DEBUG,
    "info": engine_pb2.LogSeverity.INFO,
    "warning": engine_pb2.LogSeverity.WARNING,
    "error": engine_pb2.LogSeverity.ERROR,
}
DEADLINE = 5.0
"""Seconds; a log line is never worth a longer wait."""


class Engine:
    """Connects when there is something to say."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self._lock = threading.Lock()

    def connect(self, address: str) -> None:
        with self._lock:
            if address and address != self._address:
                self._address, self._stub = address, None

    def log(self, severity: Severity, message: str, urn: str, passing: bool) -> None:
        """Sends one line; a dead engine is no error of ours."""
        with self._lock:
            if self._stub is None:
                if not self._address:
                    return
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            stub = self._stub
        request = engine_pb2.LogRequest(severity=SEVERITIES[severity], message=message, urn=urn, ephemeral=passing)
        with contextlib.suppress(grpc.RpcError):
            stub.Log(request, timeout=DEADLINE)

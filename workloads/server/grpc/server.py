"""Listens for gRPC on the event loop of the HTTP server, and lets clients move on before it stops."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from workloads.server.bounds import Budget
from workloads.server.grpc.calls import Answer, Headers
from workloads.server.grpc.connection import NOTICE_SECONDS, GrpcConnection
from workloads.server.watch import Watch

STOP_SECONDS = NOTICE_SECONDS + 5
"""For calls to end once the server stops; after a drain hardly any is left."""


class GrpcServer:
    """Listens while it is entered. While the pod is drained its connections are ended as they come, without a lost
    call: a client that keeps one then opens the next to a pod that stays."""

    def __init__(self, answer: Answer, budget: Budget, headers: Headers, *, port: int, watch: Watch) -> None:
        self._answer, self._budget, self._headers = answer, budget, headers
        self._port, self._watch = port, watch
        self.connections: set[GrpcConnection] = set()

    async def __aenter__(self) -> "GrpcServer":
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connect, "0.0.0.0", self._port)
        self._watch.each_time(self._drain_when_asked)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self._each(GrpcConnection.drain)
        ends = asyncio.get_running_loop().time() + STOP_SECONDS
        while self.connections and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.05)
        self._each(GrpcConnection.abort)

    @property
    def port(self) -> int:
        """Where it listens, also where it was to choose."""
        return self._listener.sockets[0].getsockname()[1]

    def _connect(self) -> GrpcConnection:
        connection = GrpcConnection(self._answer, self._budget, self._headers, ended=self.connections.discard)
        self.connections.add(connection)
        return connection

    def _drain_when_asked(self) -> None:
        if self._watch.draining:
            self._each(GrpcConnection.drain)

    def _each(self, act: Callable[[GrpcConnection], None]) -> None:
        for connection in list(self.connections):
            act(connection)

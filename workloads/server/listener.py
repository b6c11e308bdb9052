"""Listens for HTTP, and runs the servers of this process until it is ended."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from email.utils import formatdate
from types import TracebackType
from typing import Any

from workloads.server.bounds import Budget
from workloads.server.connection import HttpConnection, Shared
from workloads.server.http import Answerer
from workloads.server.watch import Watch

BACKLOG = 2048
"""Connections that wait to be accepted."""
STOP_SECONDS = 15
"""For requests to be answered once the server stops; after a drain hardly any is left."""


class HttpServer:
    """Answers on an open socket while it is entered. headers: of every answer, which names the date too.

    While the pod is drained every answer closes its connection: a client that keeps connections alive then opens the
    next one to a pod that stays.
    """

    def __init__(
        self,
        answer: Answerer,
        budget: Budget,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        listener: socket.socket,
        watch: Watch,
    ) -> None:
        self._shared = Shared(answer, budget)
        self._identity = b"".join(b"%b: %b\r\n" % header for header in headers)
        self._socket, self._watch = listener, watch

    async def __aenter__(self) -> "HttpServer":
        loop = asyncio.get_running_loop()
        self._look()
        self._watch.each_time(self._look)
        self._listener = await loop.create_server(
            lambda: HttpConnection(self._shared), sock=self._socket, backlog=BACKLOG
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self._shared.closing = True
        ends = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._shared.connections and asyncio.get_running_loop().time() < ends:
            self._each(HttpConnection.stop)
            await asyncio.sleep(0.05)
        self._each(HttpConnection.abort)

    def _look(self) -> None:
        self._shared.lines = self._identity + b"date: %b\r\n" % formatdate(usegmt=True).encode()
        self._shared.closing = self._shared.closing or self._watch.draining
        now = asyncio.get_running_loop().time()
        self._each(lambda connection: connection.check(now))

    def _each(self, act: Callable[[HttpConnection], None]) -> None:
        for connection in list(self._shared.connections):
            act(connection)


def listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), backlog=BACKLOG)


async def run(servers: Sequence[AbstractAsyncContextManager[Any]], *, start: Callable[[], None]) -> None:
    """Enter the servers in turn, call `start`, and leave them in reverse when the process is asked to end."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        start()
        await ended.wait()

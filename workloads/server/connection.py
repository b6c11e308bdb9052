"""One connection of a client over HTTP/1.1, parsed by llhttp.

A request whose answer waits for nothing is answered where it arrives, without a task of the event loop; its answers go
in the order of its requests, one at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from types import coroutine
from typing import Any, TypeVar, cast

from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser

from workloads.server import http
from workloads.server.bounds import Budget
from workloads.server.errors import BadRequestError, OverloadedError
from workloads.server.http import MAX_BODY, MAX_HEAD, Answer, Answerer, HttpError, Request, encoded, path_of

KEEP_SECONDS = 75
"""Of a connection without a request: longer than usual clients keep one; they close first, so that no request is
lost."""
SEND_SECONDS = 15
"""For a client to take its answer: what it does not read is held."""
T = TypeVar("T")


@dataclass(slots=True)
class Shared:
    """What all connections have in common. closing: whether each answer is the last one of its connection."""

    answer: Answerer
    budget: Budget
    lines: bytes = b""
    """Headers of every answer."""
    closing: bool = False
    connections: set["HttpConnection"] = field(default_factory=set)


class HttpConnection(asyncio.Protocol):
    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parser = HttpRequestParser(self)
        self._url, self._headers, self._wire = b"", dict[bytes, bytes](), 0
        self._in_head = False
        self._arriving: Request | None = None
        """Its head is complete, its body is not."""
        self._complete: deque[Request] = deque()
        self._answering: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._last = False
        """Whether whatever else the client sends is thrown away."""
        self._lingers = False
        self._held_up = False
        """Whether the client does not take what is written."""
        self._since = 0.0
        """When what it waits for now began, by the event loop's clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._shared.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio names it
        self._shared.connections.discard(self)
        if self._task is not None:
            self._task.cancel()
        for request in (self._arriving, self._answering, *self._complete):
            if request is not None:
                request.hold.release()
        self._arriving = self._answering = None
        del self._parser  # which refers to this object, and so would keep it
        self._complete.clear()
        self._last = True

    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:  # answered as what it is without one
            self._last = True
        except HttpParserError as error:
            self._break_off(HttpError(400, f"the request is not HTTP/1.1: {error}"))
        self._bound()
        self._answer_next()
        if self._complete and not self._last:  # the client gets no further ahead
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._held_up = True
        self._since = self._loop.time()

    def resume_writing(self) -> None:
        self._held_up = False
        if self._answering is not None and self._task is None:
            self._end(self._answering)

    def stop(self) -> None:
        """Close once what the client asked is answered."""
        if self._answering is None and self._arriving is None and not self._complete and not self._lingers:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def check(self, now: float) -> None:
        """End what takes too long. Called every now and then. now: by the event loop's clock."""
        waited = now - self._since
        if self._held_up:
            if waited > SEND_SECONDS:
                self._transport.abort()
        elif self._lingers:
            if waited > http.LINGER_SECONDS:
                self._transport.close()
        elif self._answering is not None:
            return
        elif self._in_head or self._arriving is not None:
            if waited > http.BODY_SECONDS:
                self._break_off(HttpError(408, f"the request did not end within {http.BODY_SECONDS} seconds"))
                self._answer_next()
        elif waited > KEEP_SECONDS:
            self._transport.close()

    # Called by the parser, which makes an HttpParserError of what they raise.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._wire = b"", {}, 0
        self._in_head = True
        self._since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # not those after a body
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._last:
            return
        self._arriving = request = self._begun(self._parser.get_method().decode("latin-1"))
        request.keeps = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        try:
            request.path = path_of(self._url)
        except HttpParserInvalidURLError:
            self._break_off(BadRequestError("the request's target is not a path"))
            return
        length = int(self._headers.get(b"content-length", 0))  # digits: the parser refuses anything else
        if length:
            self._admit(request, length)
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._is_next(request):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if (request := self._arriving) is None:  # refused
            return
        if not request.body:
            request.body = body
        else:
            if isinstance(request.body, bytes):
                request.body = bytearray(request.body)
            request.body += body
        self._admit(request, len(request.body))

    def on_message_complete(self) -> None:
        if (request := self._arriving) is None:
            return
        self._arriving = None
        self._last = not request.keeps
        self._complete.append(request)

    def _begun(self, method: str) -> Request:
        return Request(method, "/", self._headers, time.perf_counter(), False, self._shared.budget.hold())

    def _is_next(self, request: Request) -> bool:
        """Whether nothing is to be sent before the answer to it."""
        return request is self._arriving and self._answering is None and not self._complete

    def _admit(self, request: Request, size: int) -> None:
        try:
            if size > MAX_BODY:
                raise HttpError(413, f"the request is larger than {MAX_BODY} bytes: send it in parts")
            request.hold.require(size, "the request")
        except (HttpError, BadRequestError, OverloadedError) as error:
            self._break_off(error)

    def _bound(self) -> None:
        """Refuse what the parser keeps of a request without end."""
        if self._in_head and self._wire > MAX_HEAD:
            self._break_off(HttpError(431, f"the request's head is larger than {MAX_HEAD} bytes"))
        elif (request := self._arriving) is not None:
            self._admit(request, max(self._wire - MAX_HEAD, 0))

    def _break_off(self, error: Exception) -> None:
        """Refuse a request before its end; nothing else is taken from its client."""
        if self._last:
            return
        self._last = True
        request, self._arriving, self._in_head = self._arriving or self._begun(""), None, False
        request.keeps, request.body, request.refused = False, b"", error
        request.hold.release()
        self._complete.append(request)

    def _answer_next(self) -> None:
        if self._answering is not None or not self._complete:
            return
        request = self._answering = self._complete.popleft()
        work = self._shared.answer(request)
        try:
            waits_for = work.send(None)
        except StopIteration as done:
            self._send(request, done.value)
        else:
            self._task = self._loop.create_task(self._answer_later(request, work, waits_for))

    async def _answer_later(
        self, request: Request, work: Coroutine[Any, Any, Answer], waits_for: asyncio.Future[Any]
    ) -> None:
        try:
            await asyncio.wait([waits_for])  # `work` takes its result, or what it raises
        except asyncio.CancelledError:
            waits_for.cancel()
            work.close()
            raise
        answer = await _rest(work)
        self._task = None
        self._send(request, answer)

    def _send(self, request: Request, answer: Answer) -> None:
        final = self._shared.closing or (self._last and not self._complete)
        request.keeps = request.keeps and not final
        self._transport.write(encoded(answer, self._shared.lines, method=request.method, closes=not request.keeps))
        if not self._held_up:
            self._end(request)

    def _end(self, request: Request) -> None:
        """The answer is on its way."""
        self._answering = None
        request.hold.release()
        self._since = self._loop.time()
        if request.refused is not None:
            request.refused = None  # its traceback refers to the request, and to what arrived with it
            self._lingers = True
        elif not request.keeps or (self._last and not self._complete):
            self._last = True
            self._transport.close()
        elif self._complete:
            self._loop.call_soon(self._answer_next)  # in turn with other connections
        else:
            self._transport.resume_reading()


@coroutine
def _rest(work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Go on with a coroutine that has begun, which `await` refuses."""
    return (yield from work.__await__())

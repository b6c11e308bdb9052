"""One connection of a client over HTTP/1.1, parsed by llhttp.

A request whose answer waits for nothing is answered where it arrives, without a task of the event loop; its answers go
in the order of its requests, one at a time.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser

from workloads.server import http
from workloads.server.bounds import Budget
from workloads.server.eager import run_eagerly
from workloads.server.errors import BadRequestError, OverloadedError
from workloads.server.http import (
    MAX_BODY,
    MAX_HEAD,
    MAX_HEADERS,
    Answer,
    Answerer,
    HttpError,
    Request,
    encoded,
    path_of,
)

KEEP_SECONDS = 75
"""Of a connection without a request: longer than usual clients keep one; they close first, so that no request is
lost."""
SEND_SECONDS = 15
"""For a client to take its answer: what it does not read is held."""
READ = 64 * 2**10
"""Bytes that are read at one time, of each connection in turn."""
STEP = 4 * 2**10
"""Bytes that are parsed at one time: hardly more than a usual request, and some two hundred of the smallest."""


@dataclass(slots=True)
class Shared:
    """What all connections have in common. closing: whether each answer is the last one of its connection."""

    answer: Answerer
    budget: Budget
    lines: bytes = b""
    """Headers of every answer."""
    closing: bool = False
    connections: set["HttpConnection"] = field(default_factory=set)
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(READ)))
    """What is read of one connection: it is parsed, or copied, before another is read."""


class HttpConnection(asyncio.BufferedProtocol):
    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parser = HttpRequestParser(self)
        self._url, self._headers, self._wire = b"", dict[bytes, bytes](), 0
        self._in_head = False
        self._length, self._arrived = 0, 0
        """Bytes of the body: by the head, which does not name those of chunks, and so far."""
        self._hold = shared.budget.hold()
        """Of the request that arrives."""
        self._unparsed = memoryview(b"")
        """Of what was read: what follows on a request that waits for its turn."""
        self._arriving: Request | None = None
        """Its head is complete, its body is not."""
        self._complete: deque[Request] = deque()
        self._answering: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._last = False
        """Whether whatever else the client sends is thrown away."""
        self._lingers = False
        """Whether all is answered, and only the client has to close."""
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
        self._hold.release()
        for request in (self._answering, *self._complete):
            if request is not None:
                request.hold.release()
        self._arriving = self._answering = None
        self._unparsed = memoryview(b"")
        del self._parser  # which refers to this object, and so would keep it
        self._complete.clear()
        self._last = True

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio names it
        return self._shared.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._last:
            return
        self._unparsed = self._shared.buffer[:nbytes]
        self._go_on()
        if (self._unparsed or self._complete) and not self._last:  # the client gets no further ahead
            self._transport.pause_reading()
            self._unparsed = memoryview(bytes(self._unparsed))

    def _go_on(self) -> None:
        """Parse up to the end of a request, and answer the first one that is complete."""
        while self._unparsed and not self._complete and not self._last:
            step, self._unparsed = self._unparsed[:STEP], self._unparsed[STEP:]
            self._parse(step)
        if self._last:
            self._unparsed = memoryview(b"")
        self._answer_next()

    def _parse(self, data: memoryview) -> None:
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except HttpParserError as error:
            self._break_off(HttpError(400, f"the request is not HTTP/1.1: {error}"))
        self._bound()

    def _ignore_upgrade(self, rest: memoryview) -> None:
        """Parse the request again, as one that asks for no other protocol, which the parser takes all that follows for.

        Java's own client asks every server for HTTP/2 so, and sends a body after it."""
        request = self._complete[-1]
        if request.refused is not None or request.headers.pop(b"upgrade", None) is None:
            self._last = True  # CONNECT
            return
        self._complete.pop().hold.release()
        self._last = False
        line = b"%b %b HTTP/%b" % (request.method.encode(), self._url, self._parser.get_http_version().encode())
        lines = b"".join(b"%b: %b\r\n" % header for header in request.headers.items())
        self._unparsed = memoryview(b"".join((rest, self._unparsed)))
        self._parser = HttpRequestParser(self)
        self._parse(memoryview(b"%b\r\n%b\r\n" % (line, lines)))

    def pause_writing(self) -> None:
        self._held_up = True
        self._since = self._loop.time()

    def resume_writing(self) -> None:
        self._held_up = False
        if self._answering is not None and self._task is None:
            self._end(self._answering)

    def stop(self) -> None:
        """Close where the client has asked nothing that is to be answered."""
        if not (
            self._answering or self._complete or self._unparsed or self._in_head or self._arriving or self._lingers
        ):
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def check(self, now: float) -> None:
        """End what takes too long. Called every now and then. now: by the event loop's clock."""
        waited = now - self._since
        if self._held_up or self._transport.is_closing():  # the latter waits for what is not sent yet, without end
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
        if not self._in_head:  # those after a body
            return
        self._headers[name.lower()] = value
        if len(self._headers) > MAX_HEADERS:
            self._break_off(HttpError(431, f"the request has more than {MAX_HEADERS} headers"))

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
        self._length = int(self._headers.get(b"content-length", 0))  # digits: the parser refuses anything else
        self._arrived = 0
        if self._length:
            self._admit(self._length)
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._is_next(request):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if (request := self._arriving) is None:  # refused
            return
        start, self._arrived = self._arrived, self._arrived + len(body)
        if len(body) == self._length or not (start or self._length):
            request.body = body
            self._admit(len(body))
            return
        if isinstance(request.body, bytes):
            # All of it where its length is known: one that grows is moved, and leaves gaps in the process' memory.
            request.body = bytearray(self._length) if self._length else bytearray(request.body)
        request.body[start : self._arrived] = body
        self._admit(self._arrived)

    def on_message_complete(self) -> None:
        if (request := self._arriving) is None:
            return
        self._arriving, self._hold = None, self._shared.budget.hold()
        self._last = not request.keeps
        self._complete.append(request)

    def _begun(self, method: str) -> Request:
        return Request(method, "/", self._headers, time.perf_counter(), False, self._hold)

    def _is_next(self, request: Request) -> bool:
        """Whether nothing is to be sent before the answer to it."""
        return request is self._arriving and self._answering is None and not self._complete

    def _admit(self, size: int) -> None:
        if size > MAX_BODY:
            self._break_off(HttpError(413, f"the request is larger than {MAX_BODY} bytes: send it in parts"))
        else:
            self._require(size)

    def _require(self, size: int) -> None:
        try:
            self._hold.require(size, "the request")
        except (BadRequestError, OverloadedError) as error:
            self._break_off(error)

    def _bound(self) -> None:
        """Count what is kept of a request that goes on, and refuse one without end."""
        if self._in_head and self._wire > MAX_HEAD:
            self._break_off(HttpError(431, f"the request's head is larger than {MAX_HEAD} bytes"))
        elif self._in_head:
            self._require(self._wire)
        elif self._arriving is not None:
            self._admit(max(self._wire - MAX_HEAD, 0))

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

        def later(answer: Answer) -> None:
            self._task = None
            self._send(request, answer)

        found = run_eagerly(self._shared.answer(request), self._loop, later)
        if isinstance(found, Answer):
            self._send(request, found)
        else:
            self._task = found

    def _send(self, request: Request, answer: Answer) -> None:
        if self._transport.is_closing():  # its client is gone
            return
        if (self._shared.closing or self._last) and not self._complete and not self._unparsed:
            request.keeps = False
        self._transport.write(encoded(answer, self._shared.lines, method=request.method, closes=not request.keeps))
        if not self._held_up:
            self._end(request)

    def _end(self, request: Request) -> None:
        """The answer is on its way."""
        self._answering = None
        request.hold.release()
        self._since = self._loop.time()
        request.refused = None  # its traceback refers to the request, and to what arrived with it
        if self._transport.is_closing():
            return
        if not request.keeps:
            self._linger()
        elif self._complete or self._unparsed:
            self._loop.call_soon(self._go_on)  # in turn with other connections
        else:
            self._transport.resume_reading()

    def _linger(self) -> None:
        """Send no more, and close when the client does: a close while it still sends may take the answer from it."""
        self._last = self._lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()

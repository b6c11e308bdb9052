"""One connection of a client: HTTP/2 by libnghttp2, and on it what gRPC adds for calls with one message each way."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from ngh2 import Configuration, Connection, ErrorCode, NGH2Error, Role, Setting, StreamProtocolError
from ngh2.events import ConnectionClosed, DataReceived, Event, RequestReceived, StreamClosed, TrailersReceived

from workloads.server.bounds import Budget, Hold
from workloads.server.eager import run_eagerly
from workloads.server.errors import BadRequestError, OverloadedError
from workloads.server.grpc.calls import HEADER, Answer, CallError, Headers, Reply, Status, framed, overloaded, unframed
from workloads.server.http import BODY_SECONDS, MAX_BODY

MAX_STREAMS = 256
"""Calls at one time on one connection; a client opens another connection, or waits."""
SEND_SECONDS = 15
"""For a client to take its answer: what it does not read is held."""
NOTICE_SECONDS = 1
"""From the notice that a connection will end to its end: a client starts no call on it that long after."""
CHUNK = 256 * 2**10
"""Bytes that are handed to the transport at once."""
SETTINGS = {Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS}
CONFIGURATION = Configuration(max_inbound_header_list_size=16 * 2**10, max_inbound_header_count=100)
STARTED = [(b":status", b"200"), (b"content-type", b"application/grpc")]
ENDED = Reply().trailers


@dataclass(slots=True, eq=False)
class Call:
    path: str
    hold: Hold
    body: bytes | bytearray = b""
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None

    def stop_waiting(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self) -> None:
        self.stop_waiting()
        if self.task is not None:
            self.task.cancel()
            self.task = None
        self.hold.release()


class GrpcConnection(asyncio.Protocol):
    """`headers`: of every answer. `ended` is called once the client is gone."""

    def __init__(
        self, answer: Answer, budget: Budget, headers: Headers, *, ended: Callable[["GrpcConnection"], None]
    ) -> None:
        self._answer, self._budget, self._ended = answer, budget, ended
        self._started: Headers = [*STARTED, *headers]
        self._http2 = Connection(Role.SERVER, CONFIGURATION)
        self._calls: dict[int, Call] = {}
        self._arriving: dict[int, Call] = {}
        """Those of the calls whose message is not complete."""
        self._complete: list[int] = []
        """Calls to answer once all that arrived with them is read: a client may have taken one back."""
        self._draining = self._paused = False
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            RequestReceived: self._open,
            DataReceived: self._receive,
            TrailersReceived: lambda event: self._end_message(event.stream_id),
            StreamClosed: self._close,
            ConnectionClosed: lambda _: self._transport.close(),
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        self._loop = asyncio.get_running_loop()
        self._http2.initiate_connection(SETTINGS)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio names it
        for call in self._calls.values():
            call.end()
        self._calls.clear()
        self._arriving.clear()
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._http2.receive_data(data)
        except NGH2Error:  # no HTTP/2, or a client that breaks its rules or bounds
            self._transport.abort()
            return
        self._handle_events()
        for stream_id, call in self._arriving.items():
            if call.timer is None:
                call.timer = self._loop.call_later(BODY_SECONDS, self._refuse_slow, stream_id)
        answered, self._complete = self._complete, []
        for stream_id in answered:
            self._answer_call(stream_id)
        self._send()  # the answers of all that arrived together, in one write
        for stream_id in answered:
            self._bound_sending(stream_id)

    def pause_writing(self) -> None:
        """What the client does not read stays in HTTP/2's queue, and is held; nor does it get more of the server."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._transport.resume_reading()
        self._send()

    def drain(self) -> None:
        """Have the client go on elsewhere: it finishes the calls that it began here, and loses none."""
        if not self._draining:
            self._draining = True
            self._http2.send_shutdown_notice()
            self._send()
            self._loop.call_later(NOTICE_SECONDS, self._finish)

    def abort(self) -> None:
        self._transport.abort()

    def _finish(self) -> None:
        if not self._transport.is_closing():
            self._http2.send_goaway()
            self._send()

    def _handle_events(self) -> None:
        for event in self._http2.events():
            if handle := self._handlers.get(type(event)):
                handle(event)

    def _open(self, event: RequestReceived) -> None:
        headers: dict[bytes, bytes] = dict(event.headers)
        if headers[b":method"] != b"POST" or not headers.get(b"content-type", b"").startswith(b"application/grpc"):
            with suppress(StreamProtocolError):  # reset already, in what arrived with it
                self._http2.send_response(event.stream_id, [(b":status", b"415")], end_stream=True)
            return
        call = Call(headers[b":path"].decode("latin-1"), self._budget.hold())
        self._calls[event.stream_id] = self._arriving[event.stream_id] = call
        self._admit(event.stream_id, call)
        if event.end_stream:
            self._end_message(event.stream_id)

    def _receive(self, event: DataReceived) -> None:
        if (call := self._arriving.get(event.stream_id)) is None:  # refused
            return
        if not call.body:
            call.body = event.data
        else:
            if isinstance(call.body, bytes):
                call.body = bytearray(call.body)
            call.body += event.data
        if len(call.body) > call.hold.size:
            self._admit(event.stream_id, call)
        if event.end_stream:
            self._end_message(event.stream_id)

    def _admit(self, stream_id: int, call: Call) -> None:
        size = len(call.body)
        try:
            if size > MAX_BODY + HEADER:
                text = f"the message is larger than {MAX_BODY} bytes: send it in parts"
                raise CallError(Status.RESOURCE_EXHAUSTED, text)
            call.hold.require(size, "the request")
        except CallError as error:
            self._refuse(stream_id, Reply(status=error.status, text=str(error)))
        except BadRequestError as error:
            self._refuse(stream_id, Reply(status=Status.RESOURCE_EXHAUSTED, text=str(error)))
        except OverloadedError as error:
            self._refuse(stream_id, overloaded(error))

    def _refuse_slow(self, stream_id: int) -> None:
        text = f"the request did not end within {BODY_SECONDS} seconds"
        self._refuse(stream_id, Reply(status=Status.DEADLINE_EXCEEDED, text=text))
        self._send()

    def _refuse(self, stream_id: int, reply: Reply) -> None:
        """Answer before the message is complete, and have the client send no more of it."""
        call = self._arriving.pop(stream_id)
        call.stop_waiting()
        call.body = b""
        call.hold.release()
        with suppress(StreamProtocolError):  # reset by its client already, in what arrived with it
            self._reply(stream_id, reply)
            self._send()  # a reset overtakes what is not sent yet
            self._http2.reset_stream(stream_id, ErrorCode.NO_ERROR)

    def _end_message(self, stream_id: int) -> None:
        if call := self._arriving.pop(stream_id, None):
            call.stop_waiting()
            self._complete.append(stream_id)

    def _answer_call(self, stream_id: int) -> None:
        """Now, where the answer waits for nothing; else in a task."""
        if (call := self._calls.get(stream_id)) is None:  # its client is gone
            return

        def later(reply: Reply) -> None:
            call.task = None
            self._reply(stream_id, reply)
            self._send()
            self._bound_sending(stream_id)

        body, call.body = call.body, b""
        try:
            found = run_eagerly(self._answer(call.path, unframed(body), call.hold), self._loop, later)
        except CallError as error:
            found = Reply(status=error.status, text=str(error))
        if isinstance(found, Reply):
            self._reply(stream_id, found)
        else:
            call.task = found

    def _bound_sending(self, stream_id: int) -> None:
        """Where the client has not taken all of its answer yet: what it does not read is held."""
        if (call := self._calls.get(stream_id)) and call.task is None:
            call.timer = self._loop.call_later(SEND_SECONDS, self.abort)

    def _reply(self, stream_id: int, reply: Reply) -> None:
        if reply.status is not Status.OK:
            self._http2.send_response(stream_id, [*self._started, *reply.trailers], end_stream=True)
            return
        self._http2.send_response(stream_id, self._started)
        self._http2.send_data(stream_id, framed(reply.message))
        self._http2.send_trailers(stream_id, ENDED)

    def _close(self, event: StreamClosed) -> None:
        self._arriving.pop(event.stream_id, None)
        if call := self._calls.pop(event.stream_id, None):
            call.end()

    def _send(self) -> None:
        while not self._paused and not self._transport.is_closing():
            data = self._http2.data_to_send(CHUNK)
            if data:
                self._transport.write(data)
            self._handle_events()
            if len(data) < CHUNK:
                break

"""Reads requests from ASGI and writes answers to it: all that a web framework would do here."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workloads.server.bounds import Hold

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY = 4 * 2**20
"""Bytes of one request: ten thousand rows of four numbers need less than one MiB."""
BODY_SECONDS = 10
"""For the body to arrive: a client that never ends its request must not hold up a rollout."""
LINGER_SECONDS = 1
"""For a client to end a request that is refused unread: what closes earlier may take the answer from it."""
JSON, BINARY = b"application/json", b"application/octet-stream"


class HttpError(Exception):
    """An answer other than 200, 400 and those of a model that is not there."""

    def __init__(self, status: int, message: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class DisconnectedError(Exception):
    """The client went away: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Request:
    method: str
    path: str
    """Without a slash at its end."""
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    receive: Receive
    hold: Hold
    """Grows with what the request takes."""
    unread: bool = False
    """Whether the body was refused before its end."""

    def header(self, wanted: bytes) -> bytes | None:
        for name, value in self.headers:
            if name == wanted:
                return value
        return None

    async def body(self) -> bytes | bytearray:
        """Refuses what is longer than MAX_BODY, slower than BODY_SECONDS, or beyond what all requests may hold: by its
        Content-Length before anything is read, else as it arrives."""
        self.unread = True
        length = int(self.header(b"content-length") or 0)  # digits: the HTTP server refuses anything else
        self._admit(length)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._read()
        except TimeoutError as error:
            raise HttpError(408, f"the request did not end within {BODY_SECONDS} seconds") from error
        self.unread = False
        return body

    async def _read(self) -> bytes | bytearray:
        message = await self._next()
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            self._admit(len(body))
            return body
        parts = bytearray()
        while True:
            parts += message.get("body", b"")
            self._admit(len(parts))
            if not message.get("more_body"):
                return parts
            message = await self._next()

    async def _next(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        return message

    def _admit(self, size: int) -> None:
        if size > MAX_BODY:
            raise HttpError(413, f"the request is larger than {MAX_BODY} bytes: send it in parts")
        self.hold.require(size, "the request")

    async def skip(self) -> None:
        """Throw away what still arrives of a refused body."""
        with suppress(TimeoutError, DisconnectedError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await self._next()).get("more_body"):
                    pass


async def send_answer(send: Send, request: Request, answer: Answer, headers: list[tuple[bytes, bytes]]) -> None:
    """headers: beside those of the answer, its type and length. Closes the connection where the request was refused
    unread."""
    fields = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *headers,
        *answer.headers,
    ]
    if request.unread:
        fields.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    if request.unread:
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await request.skip()
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": answer.body})

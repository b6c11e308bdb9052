"""Calls of gRPC with one message each way, and how a call ends."""

from collections.abc import Callable, Coroutine
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import quote

from workloads.server.bounds import RETRY_SECONDS, Hold
from workloads.server.errors import OverloadedError

HEADER = 5
"""Bytes before a message: whether it is compressed, and its length (4 bytes, big-endian)."""
MAX_TEXT = 2000
"""Bytes of an error's text in an answer: clients take headers of 8 KiB in all, unless they are set to take more."""
PRINTABLE = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""Besides letters, digits and `_.-~`: what `grpc-message` holds as it is; the rest is percent-encoded."""

Headers = list[tuple[bytes, bytes]]


class Status(IntEnum):
    """Those codes of gRPC that this server answers with."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class Reply(NamedTuple):
    """The message of a call that ended well, or why there is none."""

    message: bytes = b""
    status: Status = Status.OK
    text: str = ""
    retry_ms: int | None = None
    """Where the same call would be answered later: milliseconds until then."""

    @property
    def trailers(self) -> Headers:
        trailers = [(b"grpc-status", b"%d" % self.status)]
        if self.text:
            trailers.append((b"grpc-message", quote(self.text[:MAX_TEXT], safe=PRINTABLE)[:MAX_TEXT].encode()))
        if self.retry_ms is not None:
            trailers.append((b"grpc-retry-pushback-ms", b"%d" % self.retry_ms))
        return trailers


def overloaded(error: OverloadedError) -> Reply:
    return Reply(status=Status.UNAVAILABLE, text=str(error), retry_ms=RETRY_SECONDS * 1000)


class CallError(Exception):
    """Ends a call with another status than OK."""

    def __init__(self, status: Status, text: str) -> None:
        super().__init__(text)
        self.status = status


Answer = Callable[[str, bytes, Hold], Coroutine[Any, Any, Reply]]
"""Of a call's path and message; what is held for it grows with what it takes. Raises nothing."""


def unframed(body: bytes | bytearray) -> bytes:
    """The one message of a call."""
    length = int.from_bytes(body[1:HEADER], "big")
    if len(body) < HEADER or len(body) != HEADER + length:
        raise CallError(
            Status.INVALID_ARGUMENT,
            f"{len(body)} bytes are not one message with {HEADER} bytes before it, which give its length",
        )
    if body[0]:
        raise CallError(Status.UNIMPLEMENTED, "the message is compressed: send it with the encoding 'identity'")
    return body[HEADER:] if isinstance(body, bytes) else bytes(memoryview(body)[HEADER:])


def framed(message: bytes) -> bytes:
    return b"\0%b%b" % (len(message).to_bytes(4, "big"), message)

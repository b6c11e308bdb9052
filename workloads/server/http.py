"""What a request over HTTP/1.1 is, and what its answer looks like on the wire."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

from httptools import parse_url

from workloads.server.bounds import Hold

MAX_BODY = 4 * 2**20
"""Bytes of one request: ten thousand rows of four numbers need less than one MiB."""
MAX_HEAD = 64 * 2**10
"""Bytes of a request's head, and of what frames its body: usual clients send less than one KiB."""
MAX_HEADERS = 100
"""Of one request: each takes some hundred bytes more than it has on the wire. Usual clients send ten."""
BODY_SECONDS = 10
"""For a request to arrive: a client that never ends it must not hold up a rollout."""
LINGER_SECONDS = 1
"""For a client to close after its last answer: what closes while it still sends may take the answer from it."""
JSON, BINARY = b"application/json", b"application/octet-stream"
LINES = {status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() for status in map(int, HTTPStatus)}


class HttpError(Exception):
    """An answer other than 200, 400 and those of a model that is not there."""

    def __init__(self, status: int, message: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Request:
    """One that is complete, or refused before its end."""

    method: str
    path: str
    """Without query, percent-encoding and a slash at its end."""
    headers: dict[bytes, bytes]
    """Names in lower case."""
    started: float
    """When its head was complete: seconds of time.perf_counter."""
    keeps: bool
    """Whether its connection stays open after the answer."""
    hold: Hold
    """Grows with what the request takes."""
    body: bytes | bytearray = b""
    refused: Exception | None = None
    """Why it is not read any further."""


class Answer(NamedTuple):
    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Answerer = Callable[[Request], Coroutine[Any, Any, Answer]]
"""Raises nothing but a cancellation."""


def path_of(url: bytes) -> str:
    """Raises httptools' HttpParserInvalidURLError for a target that names no path."""
    plain = url[:1] == b"/" and b"?" not in url and b"%" not in url and b"#" not in url
    path = url.decode("latin-1") if plain else unquote((parse_url(url).path or b"/").decode("latin-1"))
    return path.rstrip("/") or "/"  # a redirect would name a host of the cluster, not the one asked


def encoded(answer: Answer, lines: bytes, *, method: str, closes: bool) -> bytes:
    """Head and body as one: two writes would be two system calls, and wake the client up twice. lines: headers of every
    answer."""
    more = b"".join(b"%b: %b\r\n" % header for header in answer.headers) if answer.headers else b""
    return b"%b%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        LINES[answer.status],
        lines,
        more,
        answer.content_type,
        len(answer.body),
        b"connection: close\r\n" if closes else b"",
        b"" if method == "HEAD" else answer.body,
    )

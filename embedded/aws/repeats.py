"""Answers a creation that is asked for again as it was answered the first time.

A run that is killed between a creation and the note of it asks again for the same thing. AWS knows the repeated request
by its client token, of those operations that take one; the emulated account by a header, of all, until a run that ended
in good order says what its state has: what is known here is what a killed run left.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KEY = "x-groundwork-creation"
"""A request's header: what it makes; the same key is the same thing."""
NOTE = "x-groundwork-note"
"""A request's header: what the client has to know of it when it asks again."""
ANEW = "x-groundwork-anew"
"""A request's header, another one each time: what was made before under its key is gone, or is to be replaced."""
REPEATED = "x-groundwork-repeated"
"""An answer's header: nothing was made, it was before; the note of then."""
KEPT = "x-groundwork-kept"
"""The header of a request that makes nothing: its body lists keys, one a line, whose things the client's state has."""

Answer = tuple[str, list[tuple[str, str]], list[bytes]]


@dataclass
class Known:
    """What was answered to a creation, and its request's headers NOTE and ANEW."""

    answer: Answer
    note: str
    anew: str


@dataclass
class Repeats:
    """A WSGI application around that of the account."""

    application: Any
    _known: dict[str, Known] = field(default_factory=dict[str, Known])
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        key: str = environ.get(_variable(KEY), "")
        if environ.get(_variable(KEPT)):
            return self._forget(environ, start_response)
        if not key:
            return self.application(environ, start_response)
        with self._locks[key]:  # a client that lost patience asks again while the first request still runs
            status, headers, body = self._answer(key, environ)
        start_response(status, headers)
        return body

    def _answer(self, key: str, environ: dict[str, Any]) -> Answer:
        anew: str = environ.get(_variable(ANEW), "")
        known = self._known.get(key)
        if known and anew in ("", known.anew):
            drain(environ)
            status, headers, body = known.answer
            return status, [*headers, (REPEATED, known.note)], body
        answer = self._ask(environ)
        if answer[0].startswith("2"):
            self._known[key] = Known(answer, environ.get(_variable(NOTE), ""), anew)
        return answer

    def _forget(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        for key in drain(environ).decode().splitlines():
            self._known.pop(key, None)
            self._locks.pop(key, None)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    def _ask(self, environ: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started.append((status, headers))

        body = list(self.application(environ, start_response))
        return (*started[-1], body)


def drain(environ: dict[str, Any]) -> bytes:
    """Read the request's body: the client would see a reset connection instead of an answer that comes before it."""
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"

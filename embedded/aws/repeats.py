"""Answers a creation that is asked for again as it was answered the first time.

A run that is killed between a creation and the note of it asks again for the same thing. AWS knows the repeated request
by its client token, of those operations that take one; the emulated account by a header, of all.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KEY = "x-groundwork-creation"
"""A request's header: what it makes; the same key is the same thing."""
FORGET = "x-groundwork-anew"
"""A request's header: what was made before under its key is gone, or another thing."""
REPEATED = "x-groundwork-repeated"
"""An answer's header: nothing was made, it was before."""

Answer = tuple[str, list[tuple[str, str]], list[bytes]]


@dataclass
class Repeats:
    """A WSGI application around that of the account."""

    application: Any
    _answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        key: str = environ.get(_variable(KEY), "")
        if not key:
            return self.application(environ, start_response)
        with self._locks[key]:  # a client that lost patience asks again while the first request still runs
            if environ.get(_variable(FORGET)):
                self._answers.pop(key, None)
            known = self._answers.get(key)
            if known:
                drain(environ)
            status, headers, body = known or self._ask(environ)
            if status.startswith("2"):
                self._answers[key] = (status, headers, body)
        start_response(status, [*headers, *([(REPEATED, "true")] if known else [])])
        return body

    def _ask(self, environ: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started.append((status, headers))

        body = list(self.application(environ, start_response))
        return (*started[-1], body)


def drain(environ: dict[str, Any]) -> None:
    """Read the request's body: the client would see a reset connection instead of an answer that comes before it."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"

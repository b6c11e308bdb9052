"""Requests that the account has seen before."""

from io import BytesIO
from typing import Any

import pytest

from embedded.aws.repeats import ANEW, KEPT, KEY, NOTE, REPEATED, Repeats


class Counter:
    """An application that answers with how often it was asked."""

    def __init__(self, status: str = "200 OK") -> None:
        self.status, self.asked = status, 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        del environ
        self.asked += 1
        start_response(self.status, [("a", "b")])
        return [str(self.asked).encode()]


def ask(application: Repeats, **headers: str) -> tuple[str, dict[str, str], bytes]:
    started: list[Any] = []
    environ: dict[str, Any] = {"wsgi.input": BytesIO(b"body"), "CONTENT_LENGTH": "4"}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}

    def start_response(status: str, found: list[tuple[str, str]]) -> None:
        started.append((status, found))

    body = b"".join(application(environ, start_response))
    return started[0][0], dict(started[0][1]), body


def test_a_creation_that_is_asked_for_again_is_answered_as_before_with_its_note() -> None:
    application = Repeats(Counter())
    assert ask(application, **{KEY: "one", NOTE: "first"}) == ("200 OK", {"a": "b"}, b"1")
    assert ask(application, **{KEY: "one", NOTE: "again"}) == ("200 OK", {"a": "b", REPEATED: "first"}, b"1")
    assert ask(application, **{KEY: "two"})[2] == b"2"


def test_what_is_gone_is_made_anew_once() -> None:
    application = Repeats(Counter())
    ask(application, **{KEY: "one"})
    assert ask(application, **{KEY: "one", ANEW: "x"}) == ("200 OK", {"a": "b"}, b"2")
    assert ask(application, **{KEY: "one", ANEW: "x"})[2] == b"2"
    assert ask(application, **{KEY: "one"})[2] == b"2"
    assert ask(application, **{KEY: "one", ANEW: "y"})[2] == b"3"


def test_what_a_state_has_is_not_known_any_more() -> None:
    application = Repeats(Counter())
    ask(application, **{KEY: "body"})
    assert ask(application, **{KEPT: "true"})[0] == "200 OK"
    assert ask(application, **{KEY: "body"}) == ("200 OK", {"a": "b"}, b"2")


@pytest.mark.parametrize("headers", [{}, {KEY: "one"}])
def test_what_names_nothing_or_failed_is_asked_again(headers: dict[str, str]) -> None:
    application = Repeats(Counter("500 Internal Server Error" if headers else "200 OK"))
    ask(application, **headers)
    assert ask(application, **headers)[2] == b"2"

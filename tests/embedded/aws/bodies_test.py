"""What is received of a request's body, and what is refused of it."""

import io
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from embedded.aws import bodies
from embedded.aws.bodies import Bodies, TooLargeError, receive

S3 = "AWS4-HMAC-SHA256 Credential=AKIA/20271130/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"
STS = S3.replace("/s3/", "/sts/")
SMALL, LIMIT = bodies.OTHER_BYTES, bodies.OBJECT_BYTES


class Endless(io.RawIOBase):
    """A body that has no end, as much of it as was read."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        assert size >= 0
        self.given += size
        return b"a" * size


def request(body: Any, authorization: str, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": body, "HTTP_AUTHORIZATION": authorization, **more}


def asked(application: Bodies, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Status and body of the answer."""
    started: list[str] = []

    def start_response(status: str, _: Any) -> None:
        started.append(status)

    body = b"".join(application(environ, start_response))
    return started[0], body


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    assert "wsgi.input_terminated" not in environ
    return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]


@pytest.mark.parametrize("size", [0, 1, bodies.PIECE_BYTES, 3 * bodies.PIECE_BYTES + 1])
def test_a_body_arrives_whole_however_it_was_sent(size: int) -> None:
    body = b"b" * size
    for more in ({"CONTENT_LENGTH": str(size)}, {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}):
        sent = request(io.BytesIO(body + (b"" if "wsgi.input_terminated" in more else b"next request")), S3, **more)
        assert asked(Bodies(echo), sent) == ("200 OK", body)


@pytest.mark.parametrize("declared", ["", "-1", "many"])
def test_without_a_length_there_is_no_body(declared: str) -> None:
    assert asked(Bodies(echo), request(Endless(), S3, CONTENT_LENGTH=declared)) == ("200 OK", b"")


def test_an_upload_that_is_too_large_is_refused_before_it_is_read() -> None:
    body = Endless()
    status, answer = asked(Bodies(echo), request(body, S3, CONTENT_LENGTH=str(5 * 2**30)))
    assert status == "400 Bad Request"
    assert answer.count(b"<Code>EntityTooLarge</Code>") == 1
    assert f"<ProposedSize>{5 * 2**30}</ProposedSize><MaxSizeAllowed>{LIMIT}</MaxSizeAllowed>".encode() in answer
    assert body.given == 0


def test_one_that_does_not_say_its_length_is_refused_once_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "OBJECT_BYTES", 2**20)
    body = Endless()
    status, answer = asked(Bodies(echo), request(body, S3, **{"wsgi.input_terminated": True}))
    assert (status, b"EntityTooLarge" in answer) == ("400 Bad Request", True)
    assert body.given == 2**20 + bodies.PIECE_BYTES


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, b"<ErrorResponse><Error><Code>RequestEntityTooLarge</Code>"),
        ({"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}, b'{"__type": "RequestEntityTooLarge", '),
        ({"CONTENT_TYPE": "application/json"}, b'{"__type": "RequestEntityTooLarge", '),
    ],
)
def test_other_services_take_less_and_say_so_in_their_own_form(more: dict[str, Any], answer: bytes) -> None:
    for authorization in (STS, "", f"{STS}, {S3}"):
        sent = request(Endless(), authorization, CONTENT_LENGTH=str(SMALL + 1), **more)
        status, body = asked(Bodies(echo), sent)
        assert status == "413 Request Entity Too Large"
        assert body.startswith(answer)
    assert asked(Bodies(echo), request(io.BytesIO(b"c" * SMALL), STS, CONTENT_LENGTH=str(SMALL)))[0] == "200 OK"


def test_what_would_grow_as_it_is_unpacked_is_refused() -> None:
    packed = {"HTTP_CONTENT_ENCODING": "gzip", "CONTENT_LENGTH": "1"}
    assert asked(Bodies(echo), request(io.BytesIO(b"d"), STS, **packed))[0] == "415 Unsupported Media Type"
    assert asked(Bodies(echo), request(io.BytesIO(b"d"), S3, **packed)) == ("200 OK", b"d")


def test_a_client_that_goes_has_sent_nothing() -> None:
    with pytest.raises(ConnectionResetError, match="after 3 of 10 bytes"):
        receive({"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": "10"}, io.BytesIO(), LIMIT)
    with pytest.raises(TooLargeError):
        receive({"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": "3"}, io.BytesIO(), 2)


def test_as_much_is_handed_on_at_once_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "AT_ONCE_BYTES", 250)
    held, most, guard = 0, 0, threading.Lock()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        nonlocal held, most
        size = int(environ["CONTENT_LENGTH"])
        with guard:
            held += size
            most = max(most, held)
        time.sleep(0.02)
        with guard:
            held -= size
        start_response("200 OK", [])
        return [b""]

    application = Bodies(slow)
    sent = [request(io.BytesIO(b"e" * 100), S3, CONTENT_LENGTH="100") for _ in range(8)]
    threads = [threading.Thread(target=asked, args=(application, each)) for each in sent]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert (most, held) == (200, 0)

"""The HTTP client against servers that misbehave: retries, their limit, deadlines, cancellation."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from embedded.providers.base import ProviderError
from embedded.providers.kubernetes import client as module
from embedded.providers.kubernetes.client import Client
from embedded.providers.kubernetes.errors import ApiError, Unreachable
from embedded.providers.kubernetes.kubeconfig import Access

Answer = tuple[int, dict[str, str], Any]


POLL_SECONDS = 0.01
"""Between looks of a server whether it shall end: the default of half a second is waited for at each end."""
FINE: Answer = (200, {}, {"kind": "Fine"})


class Server:
    """Answers requests with what the test has lined up, then with 200."""

    def __init__(self) -> None:
        self.answers: list[Answer | str] = []
        self.asked: list[tuple[str, str, float]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, time.monotonic()))
                lined_up = outer.answers.pop(0) if outer.answers else FINE
                if lined_up == "drop":
                    self.close_connection = True
                    return
                if lined_up == "hang":
                    time.sleep(1.0)
                    self.close_connection = True
                    return
                assert not isinstance(lined_up, str)
                status, headers, body = lined_up
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PATCH = do_DELETE = do_POST = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=[POLL_SECONDS], daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**more: Any) -> Client:
        made.append(Client(Access(server=server.url, context="c", cluster="c"), **more))
        return made[-1]

    yield make
    for client in made:
        client.close()


def status(code: int, reason: str = "", message: str = "no") -> Answer:
    return code, {}, {"kind": "Status", "code": code, "reason": reason, "message": message}


@pytest.mark.parametrize(
    "trouble",
    [
        status(429, "TooManyRequests"),
        status(500, "InternalError"),
        status(502),
        status(503, "ServiceUnavailable"),
        status(504, "Timeout"),
        status(409, "Conflict", "the object has been modified; please apply your changes to the latest version"),
        "drop",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_may_pass_is_tried_again(
    server: Server,
    connect: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    trouble: Answer | str,
    method: str,
) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY", 0.01)
    server.answers = [trouble, trouble]
    assert json.loads(connect().request(method, "/x")) == {"kind": "Fine"}
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "refusal",
    [
        status(400),
        status(403, "Forbidden"),
        status(404, "NotFound"),
        status(409, "AlreadyExists"),
        status(422, "Invalid"),
        status(500, "", "failed to create typed patch object"),
    ],
)
def test_what_will_not_pass_is_told_at_once(server: Server, connect: Callable[..., Client], refusal: Answer) -> None:
    server.answers = [refusal]
    with pytest.raises(ApiError) as caught:
        connect().get("/x")
    assert caught.value.status == refusal[0]
    assert len(server.asked) == 1


def test_retries_wait_longer_each_time(server: Server, connect: Callable[..., Client]) -> None:
    server.answers = [status(503)] * 3
    connect().get("/x")
    times = [when for _, _, when in server.asked]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[0] >= 0.15
    assert pauses[2] > pauses[1] > pauses[0]


def test_retry_after_is_honoured(server: Server, connect: Callable[..., Client]) -> None:
    server.answers = [(429, {"Retry-After": "1"}, {"message": "later"})]
    started = time.monotonic()
    connect().get("/x")
    assert time.monotonic() - started >= 0.8


def test_retries_end_at_their_limit(
    server: Server, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_LIMIT", 1.0)
    client = connect()
    client.get("/x")
    server.answers = [status(503, "ServiceUnavailable", "busy")] * 50
    started = time.monotonic()
    with pytest.raises(ApiError, match="busy"):
        client.get("/x")
    assert time.monotonic() - started < 1.5


def test_a_call_has_a_deadline(server: Server, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_LIMIT", 0.0)
    monkeypatch.setattr(module.Client._connect, "__defaults__", (0.2,))  # pyright: ignore[reportPrivateUsage]
    server.answers = ["hang"]
    started = time.monotonic()
    with pytest.raises(Unreachable, match="timed out"):
        connect().get("/x")
    assert time.monotonic() - started < 0.9


def test_a_connection_that_the_server_had_closed_is_no_failure(server: Server, connect: Callable[..., Client]) -> None:
    client = connect()
    server.answers = [(200, {"Connection": "keep-alive"}, {}), "drop"]
    client.get("/x")
    started = time.monotonic()
    client.get("/x")
    assert time.monotonic() - started < 0.15


def test_nobody_there_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_LIMIT", 0.5)
    client = Client(Access(server="http://127.0.0.1:1", context="c", cluster="c"))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 is unreachable"):
        client.get("/x")


def test_a_cancelled_run_does_not_try_again(server: Server, connect: Callable[..., Client]) -> None:
    cancelled = threading.Event()
    server.answers = [status(503)] * 50
    threading.Timer(0.3, cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(ProviderError, match="cancelled"):
        connect(cancelled=cancelled).get("/x")
    assert time.monotonic() - started < 2.0


def test_warnings_of_the_server_are_kept_for_the_asker(server: Server, connect: Callable[..., Client]) -> None:
    server.answers = [(200, {"Warning": '299 - "v1 Endpoints is deprecated"'}, {})]
    client = connect()
    client.get("/x")
    assert client.warnings() == ["v1 Endpoints is deprecated"]
    assert client.warnings() == []


def test_a_token_is_asked_for_anew_when_it_is_refused(server: Server) -> None:
    tokens = iter(["old", "new"])
    client = Client(Access(server=server.url, context="c", cluster="c", token=lambda: next(tokens)))
    server.answers = [status(401, "Unauthorized")]
    client.get("/x")
    client.close()
    assert len(server.asked) == 2

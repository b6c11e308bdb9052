"""HTTP/1.1 as clients send it, and as others do who wish the server ill; over sockets."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from workloads.server import connection, http, watch
from workloads.server.bounds import LEAST, Budget
from workloads.server.errors import BadRequestError
from workloads.server.http import MAX_BODY, MAX_HEAD, MAX_HEADERS, Answer, HttpError, Request
from workloads.server.listener import HttpServer, listen
from workloads.server.watch import Watch

Ask = Callable[[bytes], Awaitable[bytes]]
GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
CHUNKED = b"POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Server:
    """Answers with what it was asked; `/waits` once `go_on` is set, `/large` with 32 MiB, `/some` with 40 KiB, `/kept`
    with the number of requests in memory."""

    def __init__(self, folder: Path) -> None:
        self.budget, self.go_on, self.gone = Budget(), asyncio.Event(), asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self.listener = listener = listen("127.0.0.1", 0)
        self._address = listener.getsockname()
        self.watch = Watch(folder / "draining")
        headers = [(b"x-model-name", b"box")]
        self.http = HttpServer(self.answer, self.budget, headers, listener=listener, watch=self.watch)

    async def answer(self, request: Request) -> Answer:
        self.headers = request.headers
        if isinstance(request.refused, HttpError):
            return Answer(str(request.refused).encode(), request.refused.status)
        if request.refused is not None:
            return Answer(str(request.refused).encode(), 400 if isinstance(request.refused, BadRequestError) else 503)
        if request.path == "/waits":
            try:
                await self.go_on.wait()
            except BaseException:
                self.gone.set()
                raise
        if request.path == "/large":
            request.hold.require(MAX_BODY, "the answer")
            return Answer(b" " * 8 * MAX_BODY)
        if request.path == "/some":
            return Answer(b" " * 40 * 2**10)
        if request.path == "/kept":
            return Answer(b"%d" % sum(type(each) is Request for each in gc.get_objects()))
        return Answer(b"%b %b %b" % (request.method.encode(), request.path.encode(), bytes(request.body)))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The client's side of a connection, which is closed at the end of the test."""
        reader, writer = await asyncio.open_connection(*self._address)
        self._writers.append(writer)
        return reader, writer

    async def run(self, work: Callable[["Server"], Awaitable[None]]) -> None:
        async with asyncio.timeout(20), self.watch, self.http:
            try:
                await work(self)
            finally:
                for writer in self._writers:
                    writer.close()


def serve(folder: Path, work: Callable[[Server], Awaitable[None]]) -> None:
    uvloop.run(Server(folder).run(work))


async def sent(server: Server, data: bytes) -> bytes:
    """All that is answered until the server closes; the client closes nothing."""
    reader, writer = await server.connect()
    writer.write(data)
    return await reader.read()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """Status, head and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), head, await reader.readexactly(length)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(http, "LINGER_SECONDS", 0.1)


def test_requests_that_are_sent_at_once_are_answered_in_their_order(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(POST % (b"waits", 1, b"1") + GET % b"two" + POST % (b"three", 1, b"3"))
        await asyncio.sleep(0.05)
        writer.write(GET % b"four")
        server.go_on.set()
        bodies = [(await answer_of(reader))[2] for _ in range(4)]
        assert bodies == [b"POST /waits 1", b"GET /two ", b"POST /three 3", b"GET /four "]

    serve(tmp_path, work)


def test_a_request_in_single_bytes_is_one_request(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        whole = CHUNKED + b"2\r\nab\r\n1;note=x\r\nc\r\n0\r\n\r\n"
        for byte in whole + POST % (b"a%20b/?query=1", 4, b"body"):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await answer_of(reader))[2] == b"POST /chunked abc"
        assert (await answer_of(reader))[2] == b"POST /a b body"
        assert server.budget.held == 0

    serve(tmp_path, work)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n y: folded\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD * 8, 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: y\r\n" % number for number in range(MAX_HEADERS + 1)) + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (CHUNKED + b"%x\r\n" % (MAX_BODY + 1) + b" " * (MAX_BODY + 1), 413),
        (CHUNKED + b"0\r\nx: " + b"y" * (MAX_BODY + 8 * MAX_HEAD), 413),
        (CHUNKED + b"1;" + b"y" * (MAX_BODY + 8 * MAX_HEAD), 413),
    ],
)
def test_what_is_no_request_or_has_no_end_is_refused_and_nothing_after_it_is_read(
    tmp_path: Path, data: bytes, status: int
) -> None:
    async def work(server: Server) -> None:
        answered = await sent(server, data + GET % b"smuggled")
        assert answered.startswith(b"HTTP/1.1 %d " % status)
        assert answered.count(b"HTTP/1.1 ") == 1
        assert b"connection: close\r\n" in answered
        assert b"smuggled" not in answered
        assert server.budget.held == 0

    serve(tmp_path, work)


@pytest.mark.parametrize("data", [b"GET / HT", POST % (b"", 9, b"part"), CHUNKED + b"2\r\n"])
def test_a_request_that_never_ends_is_refused(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.1)

    async def work(server: Server) -> None:
        assert (await sent(server, data)).startswith(b"HTTP/1.1 408 ")
        assert server.budget.held == 0

    serve(tmp_path, work)


def test_a_connection_without_a_request_is_closed_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEP_SECONDS", 0.1)

    async def work(server: Server) -> None:
        assert await sent(server, b"") == b""
        assert (await sent(server, GET % b"one")).endswith(b"GET /one ")

    serve(tmp_path, work)


def test_a_client_that_sends_no_more_gets_an_answer_that_waits_for_nothing(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(GET % b"one")
        writer.write_eof()
        assert (await reader.read()).endswith(b"GET /one ")

    serve(tmp_path, work)


def test_what_a_client_that_goes_away_asked_is_given_up(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        _, writer = await server.connect()
        writer.write(POST % (b"waits", 1, b"1"))
        await asyncio.sleep(0.05)
        assert server.budget.held == LEAST
        writer.transport.abort()
        await server.gone.wait()
        assert server.budget.held == 0

    serve(tmp_path, work)


def test_an_answer_that_is_not_read_is_held_and_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.3)

    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(GET % b"large" + GET % b"next")
        await asyncio.sleep(0.1)
        assert server.budget.held == MAX_BODY
        await asyncio.sleep(0.6)
        assert server.budget.held == 0
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(8 * MAX_BODY)

    serve(tmp_path, work)


def test_an_answer_that_is_read_slowly_is_followed_by_the_next(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(GET % b"large" + GET % b"next")
        await asyncio.sleep(0.1)
        assert len((await answer_of(reader))[2]) == 8 * MAX_BODY
        assert (await answer_of(reader))[2] == b"GET /next "
        assert server.budget.held == 0

    serve(tmp_path, work)


def test_a_client_that_waits_before_it_sends_its_body_is_asked_to_go_on(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert (await answer_of(reader))[2] == b"POST / ab"
        refused = await sent(server, b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 413 ")

    serve(tmp_path, work)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /one HTTP/1.0\r\n\r\n",
        b"GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /one HTTP/1.1\r\nConnection: close\r\n\r\n" + GET % b"two",
        b"GET /one HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET % b"two",
        b"GET http://name/one HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_the_last_request_of_a_connection_is_answered_so(tmp_path: Path, data: bytes) -> None:
    async def work(server: Server) -> None:
        answered = await sent(server, data)
        assert answered.startswith(b"HTTP/1.1 200 OK\r\nx-model-name: box\r\ndate: ")
        assert b"connection: close\r\n" in answered
        assert answered.endswith(b"GET /one ")

    serve(tmp_path, work)


def test_a_request_for_the_head_alone_gets_no_body(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        answered = await sent(server, b"HEAD /one HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert answered.endswith(b"content-length: 10\r\nconnection: close\r\n\r\n")

    serve(tmp_path, work)


def test_a_server_that_stops_answers_what_was_asked_and_closes(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        idle, _ = await server.connect()
        busy, busy_writer = await server.connect()
        half, half_writer = await server.connect()
        head, head_writer = await server.connect()
        busy_writer.write(GET % b"waits")
        half_writer.write(b"POST /half HTTP/1.1\r\nContent-Length: 2\r\n\r\na")
        head_writer.write(b"GET /head HT")
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(server.http.__aexit__(None, None, None))
        assert await idle.read() == b""
        server.go_on.set()
        half_writer.write(b"b")
        head_writer.write(b"TP/1.1\r\n\r\n")
        for reader, body in ((busy, b"GET /waits "), (half, b"POST /half ab"), (head, b"GET /head ")):
            answered = await reader.read()
            assert b"connection: close\r\n" in answered
            assert answered.endswith(body)
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await server.connect()

    serve(tmp_path, work)


def test_headers_after_a_body_change_nothing(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(CHUNKED + b"1\r\na\r\n0\r\nhost: y\r\n\r\n" + GET % b"next")
        assert (await answer_of(reader))[2] == b"POST /chunked a"
        assert server.headers[b"host"] == b"x"
        assert (await answer_of(reader))[2] == b"GET /next "

    serve(tmp_path, work)


def test_thousands_of_requests_at_once_are_all_answered_and_few_of_them_kept(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(
            b"".join(GET % b"kept" if number % 1000 == 0 else GET % b"%d" % number for number in range(10_000))
        )
        bodies = [(await answer_of(reader))[2] for _ in range(10_000)]
        assert all(int(body) < 400 for body in bodies[::1000])
        del bodies[::1000]
        assert bodies == [b"GET /%d " % number for number in range(10_000) if number % 1000]

    serve(tmp_path, work)


def test_a_head_that_does_not_end_counts_until_its_client_goes_away(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        _, writer = await server.connect()
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * 3 * LEAST)
        await asyncio.sleep(0.05)
        assert 2 * LEAST < server.budget.held < 4 * LEAST
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert server.budget.held == 0

    serve(tmp_path, work)


def test_a_client_that_never_reads_its_last_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.3)

    async def work(server: Server) -> None:
        server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.listener.getsockname())
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        with client:
            await loop.sock_sendall(client, b"GET /some HTTP/1.1\r\nConnection: close\r\n\r\n")
            await asyncio.sleep(0.8)
            received = 0
            while data := await loop.sock_recv(client, 2**16):
                received += len(data)
            assert 0 < received < 40 * 2**10  # the rest was thrown away

    serve(tmp_path, work)


def test_what_a_client_sent_before_a_drain_is_answered(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(GET % b"waits" + b"".join(GET % b"%d" % number for number in range(1000)))
        await asyncio.sleep(0.05)
        (tmp_path / "draining").touch()
        await asyncio.sleep(0.1)
        server.go_on.set()
        answered = await reader.read()
        assert answered.count(b"HTTP/1.1 200 ") == 1001
        assert answered.count(b"connection: close\r\n") == 1
        assert answered.endswith(b"connection: close\r\n\r\nGET /999 ")

    serve(tmp_path, work)


def test_what_was_asked_before_something_malformed_is_answered_whatever_follows(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(GET % b"waits" + b"nonsense\r\n\r\n" + b" " * 8 * MAX_BODY)
        await asyncio.sleep(0.1)
        server.go_on.set()
        answered = await reader.read()
        assert (answered.count(b"HTTP/1.1 200 "), answered.count(b"HTTP/1.1 400 ")) == (1, 1)
        assert answered.index(b"GET /waits") < answered.index(b"HTTP/1.1 400 ")

    serve(tmp_path, work)


def test_a_request_that_asks_for_another_protocol_is_answered_in_this_one(tmp_path: Path) -> None:
    async def work(server: Server) -> None:
        reader, writer = await server.connect()
        upgrade = b"POST /a?b HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        writer.write(upgrade + b"Content-Length: 2\r\n\r\nab" + upgrade + CHUNKED.partition(b"x\r\n")[2])
        writer.write(b"2\r\nab\r\n0\r\n\r\n" + upgrade + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1))
        answers = [await answer_of(reader) for _ in range(3)]
        assert [answer[2] for answer in answers[:2]] == [b"POST /a ab", b"POST /a ab"]
        assert (answers[2][0], server.budget.held) == (413, 0)

    serve(tmp_path, work)

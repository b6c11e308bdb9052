"""Clients that break the rules or bounds of HTTP/2: each loses its connection, or waits, and nobody else notices."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workloads.server.grpc.running import Client, Running, held_in_the_end, rows, running, wait_until
from workloads.server.bounds import LEAST, Budget
from workloads.server.grpc.connection import MAX_STREAMS
from workloads.server.holder import Holder

DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def literal(name: bytes, value: bytes) -> bytes:
    """A header that goes into no table."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)
CALL = b"".join(
    [
        b"\x83\x86",  # POST, http
        literal(b":path", b"/inference.GRPCInferenceService/ServerLive"),
        literal(b":authority", b"box"),
        literal(b"content-type", b"application/grpc"),
    ]
)
LARGE = b"\x40\x01k\x7f\xd1\x1e" + b"v" * 4000
"""A header of 4,000 bytes that goes into the table, where one byte means it from then on."""
EMPTY = bytes(5)
"""A message of no bytes."""


def begun(stream: int, message: bytes = b"", *, ends: bool = False) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, CALL) + frame(DATA, END_STREAM if ends else 0, stream, message)


def streams(count: int) -> range:
    return range(1, 2 * count, 2)


@pytest.fixture
def server(holder: Holder, drain_file: Path) -> Iterator[Running]:
    with running(holder, drain_file, Budget(2 * MAX_STREAMS * LEAST)) as server:
        yield server


def answers(server: Running) -> bool:
    client = Client(server.address)
    try:
        return client.ask("ModelInfer", rows([1, 1])).model_name == "box"
    finally:
        client.close()


def connected(server: Running, *, reads: bool) -> socket.socket:
    host, port = server.address.split(":")
    connection = socket.socket()
    if not reads:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect((host, int(port)))
    connection.sendall(PREFACE)
    return connection


def is_ended(connection: socket.socket) -> bool:
    """Whether the server ended it; waits for that."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


FLOODS = {
    "calls taken back": b"".join(begun(each) + frame(RESET, 0, each, b"\0\0\0\x08") for each in streams(10_000)),
    "complete calls taken back": b"".join(
        begun(each, EMPTY, ends=True) + frame(RESET, 0, each, b"\0\0\0\x08") for each in streams(10_000)
    ),
    "a head that never ends": frame(HEADERS, 0, 1, CALL)
    + frame(CONTINUATION, 0, 1, literal(b"x", b"a" * 100) * 100) * 100,
    "an empty head that never ends": frame(HEADERS, 0, 1, CALL) + frame(CONTINUATION, 0, 1) * 100_000,
    "a head that is small and means a large one": frame(HEADERS, END_HEADERS, 1, CALL + LARGE)
    + b"".join(frame(HEADERS, END_HEADERS, each, CALL + b"\xbe" * 10_000) for each in range(3, 40, 2)),
    "pings": frame(PING, 0, 0, bytes(8)) * 200_000,
    "settings": frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64") * 200_000,
    "more calls than are allowed": b"".join(map(begun, streams(20 * MAX_STREAMS))),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_ends_its_connection_and_nobody_elses(server: Running, flood: str) -> None:
    connection = connected(server, reads=False)
    with suppress(ConnectionError):  # while it is sent
        connection.sendall(FLOODS[flood])
    assert answers(server)
    assert is_ended(connection)
    connection.close()
    assert held_in_the_end(server) == 0


def test_answers_that_a_client_gives_no_room_for_are_held_as_long_as_its_calls(server: Running) -> None:
    connection = connected(server, reads=True)
    connection.sendall(frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0"))  # no byte for any stream
    connection.sendall(b"".join(begun(each, EMPTY, ends=True) for each in streams(MAX_STREAMS)))
    wait_until(lambda: server.budget.held == MAX_STREAMS * LEAST)
    assert answers(server)
    connection.close()
    assert answers(server)
    assert held_in_the_end(server) == 0


def test_a_client_that_sends_no_more_gets_its_answer(server: Running) -> None:
    connection = connected(server, reads=True)
    connection.sendall(begun(1, EMPTY, ends=True))
    connection.shutdown(socket.SHUT_WR)
    found = b""
    while data := connection.recv(65536):
        found += data
    assert b"\0\0\0\0\2\x08\1" in found  # live
    connection.close()

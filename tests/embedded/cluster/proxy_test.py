import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from embedded.cluster.proxy import Destination, destination, is_closed, serve_proxy
from tests.scripts.cli.fakes import always

HERE = "127.0.0.1"
NOWHERE = always(False)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example\r\n\r\n", ("registry.example", 443)),
        ("CONNECT [2001:db8::1]:5000 HTTP/1.1\r\n\r\n", ("2001:db8::1", 5000)),
    ],
)
def test_a_client_says_where_it_wants_to_be_connected(head: str, expected: tuple[str, int]) -> None:
    assert destination(head) == Destination(*expected)


@pytest.mark.parametrize(
    "head",
    [
        "GET http://registry.example/v2/ HTTP/1.1\r\n\r\n",
        "CONNECT registry.example HTTP/1.1\r\n\r\n",
        "CONNECT :443 HTTP/1.1\r\n\r\n",
        "CONNECT registry.example:0 HTTP/1.1\r\n\r\n",
        "CONNECT registry.example:65536 HTTP/1.1\r\n\r\n",
        "CONNECT registry.example:https HTTP/1.1\r\n\r\n",
        "CONNECT\r\n\r\n",
        "\r\n\r\n",
    ],
)
def test_anything_else_is_no_destination(head: str) -> None:
    assert destination(head) is None


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"echo " + await reader.read())
    await writer.drain()
    writer.close()


def asked(request: Callable[[int], bytes], *, client: str = HERE, closed: Callable[[str], bool] = NOWHERE) -> bytes:
    """What the proxy answers to a request, which is given the port of a server that echoes."""

    async def scene() -> bytes:
        server = await asyncio.start_server(echo, HERE, 0)
        proxy = await serve_proxy(HERE, 0, client=client, closed=closed)
        reader, writer = await asyncio.open_connection(HERE, proxy.sockets[0].getsockname()[1])
        writer.write(request(server.sockets[0].getsockname()[1]))
        writer.write_eof()
        answer = b""
        with suppress(ConnectionResetError):  # hung up on
            answer = await reader.read()
        writer.close()
        for each in (proxy, server):
            each.close()
            await each.wait_closed()
        return answer

    return asyncio.run(scene())


def test_the_client_is_connected_and_bytes_pass_both_ways() -> None:
    answer = asked(lambda port: f"CONNECT {HERE}:{port} HTTP/1.1\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\necho hello")


def test_nobody_but_the_client_is_connected() -> None:
    request = f"CONNECT {HERE}:{{}} HTTP/1.1\r\n\r\nhello"
    assert asked(lambda port: request.format(port).encode(), client="10.81.255.254") == b""


def test_what_is_no_connect_and_what_can_not_be_reached_is_said() -> None:
    assert asked(lambda _: b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    unreachable = asked(lambda _: b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
    assert unreachable.startswith(b"HTTP/1.1 502 127.0.0.1:1 can't be reached")


def test_a_client_that_says_nothing_is_let_go() -> None:
    assert asked(lambda _: b"") == b""


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1%eth0", "::ffff:127.0.0.1"]
)
def test_addresses_of_this_machine_alone_are_closed(address: str) -> None:
    assert is_closed(address)


@pytest.mark.parametrize("address", ["198.51.100.7", "10.0.0.1", "2001:db8::1", "::ffff:198.51.100.7"])
def test_addresses_of_others_are_open(address: str) -> None:
    assert not is_closed(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_service_that_listens_for_this_machine_alone_is_not_reached_by_any_name(host: str) -> None:
    answer = asked(lambda port: f"CONNECT {host}:{port} HTTP/1.1\r\n\r\nhello".encode(), closed=is_closed)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"echo" not in answer

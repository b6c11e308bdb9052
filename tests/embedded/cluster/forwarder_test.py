import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest

from embedded.cluster.forwarder import Forwarder, Target, published
from modules.core.labels import LOCAL_PORT


def service(name: str, port: str | None, **spec: Any) -> dict[str, Any]:
    annotations = {} if port is None else {"annotations": {LOCAL_PORT: port}}
    return {
        "metadata": {"namespace": "a", "name": name, **annotations},
        "spec": {"clusterIP": "10.81.64.9", "ports": [{"port": 80}, {"port": 81}], **spec},
    }


def test_a_service_that_asks_for_it_is_published_with_its_first_port() -> None:
    targets, complaints = published([service("web", "8080"), service("quiet", None)])
    assert targets == {8080: Target("10.81.64.9", 80, "a/web")}
    assert complaints == []


@pytest.mark.parametrize(
    ("asked", "spec"),
    [
        ("http", {}),
        ("0", {}),
        ("65536", {}),
        ("-1", {}),
        ("", {}),
        ("8080", {"clusterIP": "None"}),
        ("8080", {"ports": []}),
    ],
)
def test_a_service_that_can_not_be_published_is_named(asked: str, spec: dict[str, Any]) -> None:
    targets, complaints = published([service("web", asked, **spec)])
    assert targets == {}
    assert complaints[0].startswith(f"a/web: {LOCAL_PORT}")


def test_of_two_services_that_ask_for_a_port_the_first_by_name_has_it() -> None:
    targets, complaints = published([service("b", "8080"), service("a", "8080")])
    assert targets[8080].what == "a/a"
    assert complaints == [f"a/b: {LOCAL_PORT} 8080 is already that of a/a"]


def test_only_services_of_the_namespaces_that_may_publish_have_a_port() -> None:
    """Else whoever makes a Service in a namespace that sorts first would answer for the gateway."""
    impostor, own = service("web", "8443"), service("gateway", "8443")
    own["metadata"]["namespace"] = "local-gateway"
    targets, complaints = published([impostor, own], {"local-gateway"})
    assert targets[8443].what == "local-gateway/gateway"
    assert complaints == [f"a/web: {LOCAL_PORT} is for Services of the platform's own namespaces"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with all it was sent, once the other side has ended."""
    writer.write(b"echo " + await reader.read())
    await writer.drain()
    writer.close()


async def ask(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_bytes_pass_both_ways_and_the_end_of_one_side_is_told_to_the_other() -> None:
    async def scene() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = free_port()
        forwarder = Forwarder(lambda: None)
        await forwarder.publish({port: Target("127.0.0.1", server.sockets[0].getsockname()[1], "a/web")})
        assert forwarder.state() == {str(port): "a/web"}
        long = b"x" * 1_000_000
        assert await ask(port, long) == b"echo " + long
        await forwarder.close()
        server.close()
        with pytest.raises(OSError, match=str(port)):
            await ask(port, b"")

    asyncio.run(scene())


def test_a_side_that_is_not_read_stops_the_other_and_gets_every_byte_in_the_end() -> None:
    """Else what a fast server says to a slow client would fill this machine's memory."""
    sent = bytearray()

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(64):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent.extend(b"x" * 1_000_000)
        writer.close()
        await reader.read()

    async def scene() -> None:
        server = await asyncio.start_server(send, "127.0.0.1", 0)
        port = free_port()
        forwarder = Forwarder(lambda: None)
        await forwarder.publish({port: Target("127.0.0.1", server.sockets[0].getsockname()[1], "a/web")})
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(1)
        assert len(sent) < 32_000_000
        assert len(await reader.read()) == 64_000_000
        writer.close()
        await writer.wait_closed()
        await forwarder.close()
        server.close()
        await server.wait_closed()

    asyncio.run(scene())


def test_a_connection_that_is_torn_ends_the_other_one() -> None:
    ended: list[bytes] = []

    async def scene() -> None:
        gone = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ended.append(await reader.read())
            writer.close()
            gone.set()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = free_port()
        forwarder = Forwarder(lambda: None)
        await forwarder.publish({port: Target("127.0.0.1", server.sockets[0].getsockname()[1], "a/web")})
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.wait_for(gone.wait(), 10)
        await forwarder.close()
        server.close()
        await server.wait_closed()

    asyncio.run(scene())
    assert ended == [b"hello"]


def test_a_connection_to_nobody_is_closed() -> None:
    async def scene() -> None:
        port = free_port()
        forwarder = Forwarder(lambda: None)
        await forwarder.publish({port: Target("127.0.0.1", free_port(), "a/web")})
        with suppress(ConnectionResetError):  # what it said was never read
            assert await ask(port, b"hello") == b""
        await forwarder.close()

    asyncio.run(scene())


def test_a_port_that_is_taken_is_told_and_published_once_it_is_free() -> None:
    async def scene() -> None:
        target = Target("127.0.0.1", 1, "a/web")
        forwarder = Forwarder(lambda: None)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port: int = other.getsockname()[1]
            await forwarder.publish({port: target})
            assert "can't be published here: in use by" in forwarder.state()[str(port)]
        retries = asyncio.create_task(forwarder.persist())
        while forwarder.busy:
            await asyncio.sleep(0.01)
        assert forwarder.state() == {str(port): "a/web"}
        retries.cancel()
        await forwarder.close()

    asyncio.run(scene())

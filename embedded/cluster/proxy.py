"""Lets a node pull images of registries that this machine reaches; by itself the node has no way out.

A proxy of HTTP that knows CONNECT alone, which is what a client of a registry asks of one. It serves the node and
nobody else: a pod has another address.
"""

import asyncio
from dataclasses import dataclass

from .forwarder import CHUNK, join

CONNECT_SECONDS = 30.0
"""What a client gets to say where to, and a registry to be connected."""
ESTABLISHED, REFUSED, UNREACHABLE = "200 Connection established", "405 CONNECT only", "502"


@dataclass(frozen=True)
class Destination:
    host: str
    port: int


def destination(head: str) -> Destination | None:
    """Where the head of a request wants to be connected to; None where it is no CONNECT of a host and a port."""
    method, target, *_ = [*head.split("\r\n", 1)[0].split(" "), "", ""]
    host, _, port = target.rpartition(":")
    if method != "CONNECT" or not host or not (port.isdecimal() and 1 <= int(port) <= 65535):
        return None
    return Destination(host.strip("[]"), int(port))


async def serve_proxy(address: str, port: int, *, client: str) -> asyncio.Server:
    """Listen at an address for one client, by its address; hang up on all others."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if writer.get_extra_info("peername")[0] == client:
                await _tunnel(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or never said what it wants
        finally:
            writer.close()

    return await asyncio.start_server(serve, address, port, limit=CHUNK)


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
    wanted = destination(head.decode("latin-1"))
    if wanted is None:
        await _answer(writer, REFUSED)
        return
    try:
        far_reader, far_writer = await asyncio.wait_for(
            asyncio.open_connection(wanted.host, wanted.port, limit=CHUNK), CONNECT_SECONDS
        )
    except (OSError, TimeoutError) as error:
        await _answer(writer, f"{UNREACHABLE} {wanted.host}:{wanted.port} can't be reached: {error}")
        return
    await _answer(writer, ESTABLISHED)
    await join(reader, writer, far_reader, far_writer)


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
    await writer.drain()

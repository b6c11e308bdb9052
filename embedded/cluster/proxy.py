"""Lets a node pull images of registries that this machine reaches; by itself the node has no way out.

A proxy of HTTP that knows CONNECT alone, which is what a client of a registry asks of one. It serves the node and
nobody else: a pod has another address. It leads to no service that listens for this machine alone.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from .forwarder import CHUNK

CONNECT_SECONDS = 30.0
"""What a client gets to say where to, and a registry to be connected."""
ESTABLISHED, REFUSED, CLOSED, UNREACHABLE = "200 Connection established", "405 CONNECT only", "403", "502"


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


def is_closed(address: str) -> bool:
    """Whether an address is this machine's for itself, or of its own link, such as a cloud's metadata service."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_loopback or found.is_link_local or found.is_unspecified


async def serve_proxy(
    address: str, port: int, *, client: str, closed: Callable[[str], bool] = is_closed
) -> asyncio.Server:
    """Listen at an address for one client, by its address; hang up on all others. `closed`: addresses to which it
    connects nobody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if writer.get_extra_info("peername")[0] == client:
                await _tunnel(reader, writer, closed)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or never said what it wants
        finally:
            writer.close()

    return await asyncio.start_server(serve, address, port, limit=CHUNK)


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, closed: Callable[[str], bool]) -> None:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
    wanted = destination(head.decode("latin-1"))
    if wanted is None:
        await _answer(writer, REFUSED)
        return
    called = f"{wanted.host}:{wanted.port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            addresses = await _resolve(wanted)
            if any(closed(address) for address in addresses):
                await _answer(writer, f"{CLOSED} {called} is at {addresses[0]}, where nothing is for nodes")
                return
            far_reader, far_writer = await _connect(addresses, wanted.port)
    except (OSError, TimeoutError) as error:
        await _answer(writer, f"{UNREACHABLE} {called} can't be reached: {error}")
        return
    await _answer(writer, ESTABLISHED)
    await _join(reader, writer, far_reader, far_writer)


async def _resolve(wanted: Destination) -> list[str]:
    """The addresses of a name, the best first. They are what is connected to: the name may mean others a moment
    later."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def _connect(addresses: Sequence[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for address in addresses[:-1]:
        with suppress(OSError):
            return await asyncio.open_connection(address, port, limit=CHUNK)
    return await asyncio.open_connection(addresses[-1], port, limit=CHUNK)


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
    await writer.drain()


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Passes bytes both ways between two connections, and closes them."""
    try:
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
    except OSError:
        pass  # either side went away: the other one is closed below
    finally:
        writer.close()
        far_writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()

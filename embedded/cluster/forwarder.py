"""Publishes on 127.0.0.1 what people open: the API server, and each Service that asks for it by an annotation."""

import asyncio
import threading
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import cast
from urllib.parse import quote

from modules.core.labels import LOCAL_PORT

from .api import ApiError, Client, Json
from .ports import holder

SERVICES = "/api/v1/services"
NAMESPACES = "/api/v1/namespaces"
WATCH_SECONDS = 300
RETRY_SECONDS = 1.0
CHUNK = 256 * 1024


@dataclass(frozen=True)
class Target:
    """Where connections to a local port go. `what` names it to people."""

    host: str
    port: int
    what: str


def published(
    services: Iterable[Json], namespaces: Container[str] | None = None
) -> tuple[dict[int, Target], list[str]]:
    """Targets by local port of those Services that ask for one, and complaints about those that can't have it.

    Of two that ask for the same port the first by namespace and name gets it. `namespaces`: those whose Services may
    have one; None: all.
    """
    targets: dict[int, Target] = {}
    complaints: list[str] = []
    for service in sorted(services, key=_what):
        annotations: dict[str, str] = service["metadata"].get("annotations") or {}
        asked = annotations.get(LOCAL_PORT)
        if asked is None:
            continue
        address: str = service["spec"].get("clusterIP") or "None"
        ports: list[Json] = service["spec"].get("ports") or []
        what = _what(service)
        if not (asked.isdecimal() and 1 <= int(asked) <= 65535):
            complaints.append(f"{what}: {LOCAL_PORT} is {asked!r}: allowed is 1 to 65535")
        elif namespaces is not None and service["metadata"]["namespace"] not in namespaces:
            complaints.append(f"{what}: {LOCAL_PORT} is for Services of the platform's own namespaces")
        elif address == "None" or not ports:
            complaints.append(f"{what}: {LOCAL_PORT} needs a Service with an address and a port")
        elif int(asked) in targets:
            complaints.append(f"{what}: {LOCAL_PORT} {asked} is already that of {targets[int(asked)].what}")
        else:
            targets[int(asked)] = Target(address, ports[0]["port"], what)
    return targets, complaints


class Forwarder:
    """Listens on 127.0.0.1 and passes every connection on. `changed` is called after each change of `state`.

    `labels`: of the namespaces whose Services may have a port; None: all.
    """

    def __init__(self, changed: Callable[[], None], labels: Mapping[str, str] | None = None) -> None:
        self.changed = changed
        self.labels = labels
        self.fixed: dict[int, Target] = {}
        self.complaints: list[str] = []
        """About Services that can't have what they ask for."""
        self.targets: Mapping[int, Target] = {}
        self.servers: dict[int, tuple[Target, asyncio.Server]] = {}
        self.busy: dict[int, str] = {}
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()

    def state(self) -> dict[str, str]:
        """What is published at each port, and what can't be."""
        shown = {str(port): target.what for port, (target, _) in self.servers.items()}
        shown |= {str(port): why for port, why in self.busy.items()}
        return dict(sorted(shown.items(), key=lambda item: int(item[0])))

    async def publish(self, targets: Mapping[int, Target]) -> None:
        """Makes the listeners those of `fixed` and `targets`: closes what is gone, opens what is new."""
        async with self.lock:
            self.targets = targets
            wanted = {**targets, **self.fixed}
            for port in [port for port, (target, _) in self.servers.items() if wanted.get(port) != target]:
                _, server = self.servers.pop(port)
                server.close()
            missing = [(port, target) for port, target in wanted.items() if port not in self.servers]
            refusals = {port: await self._open(port, target) for port, target in missing}
            self.busy = {port: why for port, why in refusals.items() if why}
        self.changed()

    async def persist(self) -> None:
        """Tries again, for as long as this lives, to publish what found its port taken."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            if self.busy:
                await self.publish(self.targets)

    async def close(self) -> None:
        self.fixed = {}
        await self.publish({})

    def follow(self, client: Client) -> None:
        """Publishes the cluster's Services as they come and go, from a thread of its own, for as long as this lives."""
        threading.Thread(target=self._follow, args=[client], daemon=True, name="services").start()

    def _follow(self, client: Client) -> None:
        stop = threading.Event()
        while True:
            with suppress(OSError, ApiError, HTTPException, ValueError):
                self._follow_once(client)
            stop.wait(RETRY_SECONDS)

    def _follow_once(self, client: Client) -> None:
        listed = client.get(SERVICES)
        services = {_what(service): service for service in listed["items"]}
        self._update(client, services)
        for event in client.watch(SERVICES, listed["metadata"]["resourceVersion"], WATCH_SECONDS):
            if event["type"] == "ERROR":
                return
            service = event["object"]
            if event["type"] == "DELETED":
                services.pop(_what(service), None)
            else:
                services[_what(service)] = service
            self._update(client, services)

    def _update(self, client: Client, services: Mapping[str, Json]) -> None:
        targets, self.complaints = published(services.values(), self._namespaces(client))
        asyncio.run_coroutine_threadsafe(self.publish(targets), self.loop).result()

    def _namespaces(self, client: Client) -> set[str] | None:
        """Those that may publish now: a namespace has its labels before it has Services."""
        if self.labels is None:
            return None
        selector = quote(",".join(f"{key}={value}" for key, value in self.labels.items()))
        return {each["metadata"]["name"] for each in client.get(f"{NAMESPACES}?labelSelector={selector}")["items"]}

    async def _open(self, port: int, target: Target) -> str | None:
        """Begins to listen; why it can't, where it can't."""

        try:
            server = await self.loop.create_server(lambda: Caller(target), "127.0.0.1", port, backlog=512)
        except OSError:
            return f"{target.what} can't be published here: in use by {holder(port) or 'another process'}"
        self.servers[port] = (target, server)
        return None


class Side(asyncio.BufferedProtocol):
    """One of two connections: what arrives at it is written to the other one, as is its end.

    No streams and no tasks, which took a quarter of the processor time that a request to a published port cost here.
    """

    arrived = memoryview(bytearray(CHUNK))
    """Of all connections: what is read into it is passed on before anything else is read."""
    transport: asyncio.Transport

    def __init__(self, far: "Side | None" = None) -> None:
        self.far = far
        self.ended = False
        """Whether nothing more arrives."""

    @property
    def other(self) -> asyncio.Transport:
        assert self.far is not None  # nothing is read before both are connected
        return self.far.transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio names it
        return self.arrived

    def buffer_updated(self, nbytes: int) -> None:
        self.other.write(bytes(self.arrived[:nbytes]))

    def eof_received(self) -> bool:
        """Return whether the connection stays open, which it does until both have ended."""
        self.ended = True
        self.other.write_eof()
        return not (self.far and self.far.ended)

    def pause_writing(self) -> None:
        """What is written here is read too slowly: read no more of the other one."""
        self.other.pause_reading()

    def resume_writing(self) -> None:
        self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio names it
        if self.far:
            self.other.close()


class Caller(Side):
    """Whoever connected to the port. Nothing is read of it before its target is connected."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(lambda: Side(self), self.target.host, self.target.port)
        except OSError:
            self.transport.close()
            return
        self.far = far
        self.transport.resume_reading()


def _what(service: Json) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"

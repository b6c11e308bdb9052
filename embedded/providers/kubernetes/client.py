"""HTTP to one API server: pooled connections, deadlines, retries with back-off, watches.

http.client rather than a client library: a run makes hundreds of small requests, and its start-up counts too.
"""

import http.client
import json
import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from embedded.providers.base import Object, ProviderError

from .errors import ApiError, Unreachable
from .kubeconfig import Access

DEADLINE = 30.0
"""Seconds for one request, its retries left out; the API server itself gives up after 60."""
RETRY_LIMIT = 60.0
"""Seconds within which a request that failed for a passing reason is tried again."""
CONNECT_LIMIT = 8.0
"""Seconds within which the first connection to a cluster is tried again: nobody waits a minute for a wrong address."""
FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0
RETRIED_ERRORS = (OSError, http.client.HTTPException)
WATCH_IDLE = 330.0
"""Seconds without a line after which a watch is given up: longer than the server's own end of it."""


class Client:
    """One cluster. Safe to use from many threads."""

    def __init__(self, access: Access, cancelled: threading.Event | None = None) -> None:
        self.access = access
        self._cancelled = cancelled or threading.Event()
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._tls = _tls(access) if access.server.startswith("https") else None
        self._prefix = urlsplit(access.server).path
        self._reached = False
        self._token = access.token()
        self._warnings = threading.local()
        self._watching: set[http.client.HTTPConnection] = set()
        self.closed = threading.Event()
        self._agent = {"User-Agent": "groundwork-kubernetes-provider", "Accept": "application/json"}

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = "application/json") -> Object:
        return json.loads(self.request("GET", path, query, headers={"Accept": accept}))

    def send(
        self,
        method: str,
        path: str,
        body: Object | list[Any],
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Sends a document and returns the one that comes back. Raises ApiError, Unreachable."""
        data = json.dumps(body, separators=(",", ":")).encode()
        return json.loads(self.request(method, path, query, data, {"Content-Type": content_type}))

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of the answer, after at most RETRY_LIMIT seconds of retries.

        Every write in this provider can be repeated: a lost answer to a create is found again by its field manager.
        """
        started, delay = time.monotonic(), FIRST_DELAY
        while True:
            limit = RETRY_LIMIT if self._reached else CONNECT_LIMIT
            try:
                status, answered, data = self._once(method, path, query, body, headers)
            except RETRIED_ERRORS as error:
                failure: ApiError | Unreachable = Unreachable(self.access.server, str(error) or type(error).__name__)
                wait = delay
            else:
                self._reached = True
                self._warnings.texts = [*self.warnings(), *_warnings(answered)]
                if status < 400:
                    return data
                failure = ApiError.parse(status, data)
                if status == 401 and self._renew_token():
                    continue
                if not failure.passing or (status == 409 and b"resourceVersion" in (body or b"")):
                    raise failure  # a request that names the version it is about can't succeed later
                wait = max(delay, _retry_after(answered))
            if time.monotonic() - started + wait > limit:
                raise failure
            if self.closed.is_set() or self._cancelled.wait(wait * random.uniform(0.8, 1.2)):
                raise ProviderError("cancelled")
            delay = min(delay * 2, LONGEST_DELAY)

    def warnings(self) -> list[str]:
        """What the server has warned this thread of since it was last asked."""
        texts: list[str] = getattr(self._warnings, "texts", [])
        self._warnings.texts = []
        return texts

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection, used = self._borrow()
        target = f"{self._prefix}{path}?{urlencode(query)}" if query else self._prefix + path
        try:
            try:
                connection.request(method, target, body, self._headers(headers))
                response = connection.getresponse()
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                if not used:
                    raise
                # The server had closed a connection that was kept open: that says nothing about this request.
                connection.close()
                connection = self._connect()
                connection.request(method, target, body, self._headers(headers))
                response = connection.getresponse()
            data = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, response.headers, data

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {**self._agent, **token, **(headers or {})}

    def _renew_token(self) -> bool:
        """Whether there is another token than the one that was refused: credential plugins' tokens age."""
        former, self._token = self._token, self.access.token()
        return self._token != former

    def _borrow(self) -> tuple[http.client.HTTPConnection, bool]:
        try:
            return self._idle.pop(), True
        except IndexError:
            return self._connect(), False

    def _connect(self, timeout: float = DEADLINE) -> http.client.HTTPConnection:
        host, port = self.access.address
        if self._tls is None:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        else:
            connection = _Https(host, port, self._tls, self.access.server_name or host, timeout)
        connection.connect()
        # Requests are small and written in two parts: without this each would wait for an acknowledgement.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @contextmanager
    def watch(self, path: str, query: Mapping[str, str]) -> Generator[Iterator[Object]]:
        """Events of a watch on a connection of its own, until the server ends it. Raises ApiError, OSError."""
        connection = self._connect(WATCH_IDLE)
        self._watching.add(connection)
        try:
            if self.closed.is_set():
                raise OSError("closed")
            connection.request("GET", f"{self._prefix}{path}?{urlencode(query)}", headers=self._headers(None))
            response = connection.getresponse()
            if response.status >= 400:
                raise ApiError.parse(response.status, response.read())
            yield (json.loads(line) for line in response if line.strip())
        finally:
            self._watching.discard(connection)
            connection.close()

    def close(self) -> None:
        """Ends every watch and connection; those who follow one are told by `closed`."""
        self.closed.set()
        for connection in list(self._watching):
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        while self._idle:
            self._idle.pop().close()


class _Https(http.client.HTTPSConnection):
    """Checks the certificate against a name that may differ from the address (`tls-server-name`)."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, name: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=tls)
        self._tls, self._name = tls, name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.ca)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.certificate and access.key:
        _load_identity(context, access.certificate, access.key)
    return context


def _load_identity(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """ssl reads identities from files only: this one is in memory, for as long as the reading takes."""
    import os

    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{certificate}\n{key}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        raise ProviderError(f"kubeconfig: the client certificate and its key can't be used ({error})") from None
    finally:
        os.close(descriptor)


def _warnings(headers: http.client.HTTPMessage) -> list[str]:
    """The texts of `Warning: 299 - "text"` headers."""
    return [
        value.split('"', 1)[1].rsplit('"', 1)[0].replace('\\"', '"')
        for value in headers.get_all("Warning") or ()
        if value.count('"') > 1
    ]


def _retry_after(headers: http.client.HTTPMessage) -> float:
    value = headers.get("Retry-After") or ""
    return float(value) if value.replace(".", "", 1).isdigit() else 0.0

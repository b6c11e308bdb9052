"""What HAProxy is given, as pure functions of the routes."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from modules.core.contracts import Entry, Route, ServedModel, Tracking
from modules.core.documents import render
from modules.core.quantities import millicores, size_bytes
from modules.core.settings import ResourceAmounts
from modules.core.tls import CIPHERS

from .documents import (
    CERTIFICATE,
    FALLBACK,
    FILES,
    LATENCIES,
    LOGIN,
    METRICS_PORT,
    PORT,
    PORTAL,
    PORTAL_DOCUMENT,
    PORTAL_PORT,
    REQUEST_SECONDS,
    ROUTES,
    host_of,
    login_secrets,
    portal,
)

FAILED_PORT = 9101
"""Of the pod alone, where HAProxy itself answers for a server that gave no answer."""
CONFIGURATION, SECONDS_PAGE = "haproxy.cfg", "seconds.txt"
"""The proxy's files in the folder ROUTES."""
HEAD_SECONDS = 60
"""For the head of a request to arrive whole; with its body, where a canary is asked."""
CLIENT_SECONDS = 300
"""Without a byte that a client is to send or to take, its handshake among them; then the connection is cut. While a
service works at the answer, nothing is the client's to do."""
IDLE_SECONDS = 60
"""That a keep-alive connection waits for its next request."""
BUFFER_BYTES = 16 * 1024
"""Greatest head of a request; and what is held of one, to ask it again."""
TRIED_BYTES = 12_000
"""A request that a canary may get: its body is shorter, as it says beforehand, so that with its head it fits into one
buffer. All that is longer passes through, and is held nowhere."""
KEPT_PROCESSES = 10
"""Reloads that a process outlives while it finishes what it began before."""
BYTES_OF_A_CONNECTION = 1280 * 1024
"""Of the memory limit, for a connection: it takes some 50 KiB, and each of ten requests at once some 25 KiB; but of
HTTP/2, with ten long answers that the client asks for and does not read, 900 KiB (60 such connections: 54 MiB). The
rest is for follow.py and for what finishes before a reload."""
MOST_CONNECTIONS = 2048
"""However much memory there is: with those to the services they take six open files each, of which some nodes give a
container 20,000."""
HSTS_SECONDS = 31_536_000
OWN_MACHINE = "localhost"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Requests of one address (of IPv6: of one /64) within so many seconds; those that are refused don't count."""

    requests: int
    seconds: int


LOGINS = Rate(requests=400, seconds=2)
"""To what asks for a login: a page has some fifty files, and no guess comes far. A model asks for none, and is bounded
by its own server."""
GUESSES = 30
"""At once, and one a second beyond that, of one address (of IPv6: of one /64) to where a service takes passwords by
itself, which people may choose."""


def configuration(routes: Sequence[Route], entry: Entry, limits: ResourceAmounts) -> str:
    """Return HAProxy's configuration: hosts, paths, logins, weights, and what it may use of its container."""
    names = [route.name for route in routes]
    connections = min(size_bytes(limits.memory) // BYTES_OF_A_CONNECTION, MOST_CONNECTIONS)
    return render(
        FILES / "haproxy.cfg.j2",
        threads=math.ceil(millicores(limits.cpu) / 1000),
        connections=connections,
        requests=2 * connections,
        buffer_bytes=BUFFER_BYTES,
        kept_processes=KEPT_PROCESSES,
        ciphers=":".join(map(_openssl_name, CIPHERS)),
        request_seconds=REQUEST_SECONDS,
        client_seconds=CLIENT_SECONDS,
        head_seconds=HEAD_SECONDS,
        idle_seconds=IDLE_SECONDS,
        bounds=[round(seconds * 1_000_000) for seconds in LATENCIES],
        port=PORT,
        metrics_port=METRICS_PORT,
        fallback=FALLBACK,
        failed_port=FAILED_PORT,
        portal=PORTAL,
        portal_port=PORTAL_PORT,
        certificate=CERTIFICATE,
        names=names,
        itself=[entry.domain, *entry.addresses],
        hosts=[host_of(name, entry) for name in (PORTAL, *names)],
        own_host=_own_host(entry),
        logins=[_login(secret, routes) for secret in login_secrets(routes)],
        login_rate=LOGINS,
        own_logins=[{"name": route.name, "paths": route.own_logins} for route in routes if route.own_logins],
        guesses=GUESSES,
        headers=_headers(entry),
        grpc=[{"name": route.name, "host": host_of(route.name, entry)} for route in routes if route.grpc],
        groups=[_group(number, route) for number, route in enumerate(routes) if len(route.servers) > 1],
        tried_bytes=TRIED_BYTES,
        backends=[backend for route in routes for backend in _backends(route)],
        seconds_page=f"{ROUTES}/{SECONDS_PAGE}",
    )


def _openssl_name(cipher: str) -> str:
    """Return OpenSSL's name of a cipher of TLS 1.2: ECDHE-RSA-AES128-GCM-SHA256."""
    name = cipher.removeprefix("TLS_").replace("_WITH_", "_").replace("AES_", "AES").replace("_", "-")
    return name.removesuffix("-SHA256") if "CHACHA20" in name else name


def _own_host(entry: Entry) -> str:
    """From a path below the domain to the service's own host, at the same port: a page asks for its files at the root
    of its host, whatever path it was opened at."""
    return f"https://{host_of('%[var(txn.first)]', entry)}%[var(txn.port)]%[pathq,regsub(^/[^/?]*/?,/)]"


def _login(secret: str, routes: Sequence[Route]) -> dict[str, Any]:
    names = [route.name for route in routes if route.login == secret]
    return {"secret": secret, "names": names, "file": f"{LOGIN}/{secret}/digests"}


def _headers(entry: Entry) -> dict[str, str]:
    """Of every answer. A browser keeps it that a host is asked by TLS alone; not of its own machine, whose other ports
    are other people's programs."""
    own_machine = entry.domain == OWN_MACHINE
    hsts = {} if own_machine else {"Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains"}
    return {
        **hsts,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
    }


def _group(number: int, route: Route) -> dict[str, Any]:
    """How requests are shared out: the n-th one lies at n * step modulo the sum of all weights, and each server that is
    tried has a range there."""
    total, below = sum(route.weights[server] for server in route.servers), 0
    shares: list[dict[str, Any]] = []
    for server in [*route.servers][1:]:
        below += route.weights[server]
        shares.append({"server": server, "below": below})
    return {
        "name": route.name,
        "counter": f"route{number}",
        "total": total,
        "step": _step(total),
        "shares": shares,
    }


def _step(total: int) -> int:
    """Return what has no divisor in common with a sum of weights, near its golden section: so steps reach every place
    once before any twice, and those that follow each other lie far apart."""
    wanted = round(total * 0.618)
    return next(step for step in range(max(wanted, 1), total + 2) if math.gcd(step, total) == 1)


def _backends(route: Route) -> list[dict[str, Any]]:
    first, *tried = route.servers
    serving = _address(route.servers[first])
    found = [{"name": first, "address": serving, "fallback": None, "grpc": False}]
    for server in tried:
        address = _address(route.servers[server])
        found.append({"name": server, "address": address, "fallback": serving, "grpc": False})
    if route.grpc:
        found.append({"name": f"{route.name}-grpc", "address": _address(route.grpc), "fallback": None, "grpc": True})
    return found


def _address(url: str) -> str:
    """host:port of a URL."""
    return urlsplit(url).netloc


def seconds_page(routes: Sequence[Route]) -> str:
    """Return the page that counts answers by how long they took, in Prometheus' text format: HAProxy's own metrics know
    averages alone."""
    bounds = [*map(str, LATENCIES), "+Inf"]
    return "".join(
        f'gateway_request_duration_seconds_bucket{{server="{server}",le="{bound}"}} '
        f"%[str({server}),table_gpc({index},seconds)]\n"
        for route in routes
        for server in route.servers
        for index, bound in enumerate(bounds)
    )


def files(
    routes: Sequence[Route],
    models: Sequence[ServedModel],
    *,
    environment: str,
    tracking: Tracking,
    entry: Entry,
    limits: ResourceAmounts,
) -> Mapping[str, str]:
    """Content of the folder ROUTES by name; the proxy reads all but the JSON, which is the landing page's."""
    shown = portal(routes, models, environment=environment, tracking=tracking, entry=entry)
    return {
        CONFIGURATION: configuration(routes, entry, limits),
        SECONDS_PAGE: seconds_page(routes),
        PORTAL_DOCUMENT: json.dumps(shown, indent=1, sort_keys=True),
    }

"""Configuration of the proxy and the landing page, as pure functions of the routes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from modules.core.contracts import Route, ServedModel, Tracking

FILES = Path(__file__).with_name("files")
SERVICE = "gateway"
PORTAL = "groundwork"
"""Name of the landing page's host."""
DOMAIN = "localhost"
"""Browsers and curl lead each of its names to this machine (RFC 6761)."""
PORT, METRICS_PORT, PORTAL_PORT = 8443, 9100, 8000
STATIC, ROUTES = "/etc/groundwork/gateway", "/etc/groundwork/routes"
CERTIFICATE, LOGIN = "/var/run/groundwork/certificate", "/var/run/groundwork/login"
LOCAL_NAMES = ("localhost", "127.0.0.1")
"""Under which the paths /<name>/ lead to the services, for clients whose resolver knows no names below localhost."""
A_PAGE = "Method(`GET`) && HeaderRegexp(`Accept`, `text/html`)"
"""What a browser that opens an address asks for; other clients want no page."""
GUARDED_BYTES = 4 * 2**20
"""Of a request that can be asked again: the most that a model server takes."""
REQUEST_SECONDS = 3600
"""For a request to arrive whole, and for its answer to be taken: at 5 MB/s a file of 16 GiB has the time. A client that
drips is cut off then."""
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of seconds, Prometheus' own."""


def host_of(name: str) -> str:
    return f"{name}.{DOMAIN}"


def server_names(routes: Iterable[Route]) -> list[str]:
    """DNS names of the certificate: each by itself, since clients differ in whether `*.localhost` may be a wildcard."""
    return [DOMAIN, host_of(PORTAL), *(host_of(route.name) for route in routes)]


def address(name: str, port: int) -> str:
    """Where a browser on this machine opens a service."""
    return f"https://{host_of(name)}:{port}"


def client_address(name: str, port: int) -> str:
    """Where any client on this machine reaches a service."""
    return f"https://{DOMAIN}:{port}/{name}"


def static_configuration() -> dict[str, Any]:
    """What the proxy reads once, at its start."""
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        "ping": {"entryPoint": "metrics"},
        "entryPoints": {
            "https": {
                "address": f":{PORT}",
                "http": {"tls": {}},
                # An ending proxy is taken out of the Service first, then finishes what it has begun.
                "transport": {
                    "lifeCycle": {"requestAcceptGraceTimeout": "8s", "graceTimeOut": "20s"},
                    "respondingTimeouts": {"readTimeout": f"{REQUEST_SECONDS}s", "writeTimeout": f"{REQUEST_SECONDS}s"},
                },
            },
            "metrics": {"address": f":{METRICS_PORT}"},
        },
        "metrics": {
            "prometheus": {
                "entryPoint": "metrics",
                "addEntryPointsLabels": False,
                "addServicesLabels": True,
                "buckets": list(LATENCIES),
            }
        },
        "providers": {"file": {"directory": ROUTES, "watch": True}},
    }


def routing(routes: Sequence[Route]) -> dict[str, Any]:
    """What the proxy follows while it runs: hosts, paths, logins and weights."""
    middlewares: dict[str, Any] = {"login": {"basicAuth": {"usersFile": f"{LOGIN}/users", "removeHeader": True}}}
    routers: dict[str, Any] = {PORTAL: _router(f"{_local()} || Host(`{host_of(PORTAL)}`)", PORTAL, [], priority=1)}
    services: dict[str, Any] = {PORTAL: _server(f"http://127.0.0.1:{PORTAL_PORT}")}
    for route in routes:
        login = ["login"] if route.login else []
        middlewares[f"{route.name}-path"] = {"stripPrefix": {"prefixes": [f"/{route.name}"]}}
        target, parts = _servers(route)
        routers[route.name] = _router(f"Host(`{host_of(route.name)}`)", target, login)
        path = f"({_local()}) && (Path(`/{route.name}`) || PathPrefix(`/{route.name}/`))"
        routers[f"{route.name}-path"] = _router(path, target, [*login, f"{route.name}-path"])
        middlewares[f"{route.name}-page"] = _own_host(route.name)
        # The landing page's, so that what a redirect does not fit never passes the login.
        routers[f"{route.name}-page"] = _router(f"{path} && {A_PAGE}", PORTAL, [f"{route.name}-page"])
        services |= parts
    certificate = {"certFile": f"{CERTIFICATE}/tls.crt", "keyFile": f"{CERTIFICATE}/tls.key"}
    return {
        "http": {"routers": routers, "services": services, "middlewares": middlewares},
        "tls": {"certificates": [certificate], "stores": {"default": {"defaultCertificate": certificate}}},
    }


def _local() -> str:
    return " || ".join(f"Host(`{name}`)" for name in LOCAL_NAMES)


def _own_host(name: str) -> dict[str, Any]:
    """From a path below localhost to the service's own host, at the same port: a page asks for its files at the root of
    its host, whatever path it was opened at."""
    return {
        "redirectRegex": {
            "regex": rf"^https?://[^/:]+(:\d+)?/{name}/?(.*)$",
            "replacement": f"https://{host_of(name)}${{1}}/${{2}}",
        }
    }


def _router(rule: str, service: str, middlewares: Sequence[str], *, priority: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"entryPoints": ["https"], "rule": rule, "service": service}
    if middlewares:
        found["middlewares"] = list(middlewares)
    return found if priority is None else {**found, "priority": priority}


def _server(url: str) -> dict[str, Any]:
    """A service's own Host header goes on: servers that check it know their own name only."""
    return {"loadBalancer": {"servers": [{"url": url}], "passHostHeader": False}}


def _servers(route: Route) -> tuple[str, dict[str, Any]]:
    """(what a router of the route names, the services it needs)."""
    services = {name: _server(url) for name, url in route.servers.items()}
    first, *others = services
    if not others:
        return first, services
    guarded = {f"{name}-guarded": _guarded(name, first) for name in others}
    names = dict(zip([first, *guarded], services, strict=True))
    shares = [{"name": name, "weight": route.weights[server]} for name, server in names.items()]
    shared = f"{route.name}-shared"
    return shared, {**services, **guarded, shared: {"weighted": {"services": shares}}}


def _guarded(name: str, first: str) -> dict[str, Any]:
    """A server that is only tried: what it fails to answer is asked of the first one, and no client sees the failure.
    Metrics count it. So is what it does not have: a client may ask for the version that the first one serves."""
    errors = {"status": ["404", "500-599"], "maxRequestBodyBytes": GUARDED_BYTES}
    return {"failover": {"service": name, "fallback": first, "errors": errors}}


def portal(
    routes: Sequence[Route], models: Sequence[ServedModel], *, environment: str, tracking: Tracking
) -> dict[str, Any]:
    """What the landing page shows: services to look at, models to ask after."""
    return {
        "environment": environment,
        "domain": DOMAIN,
        "tracking": tracking.url,
        "services": [
            {"name": route.name, "title": route.title, "login": route.login, "checks": _checks(route)}
            for route in routes
        ],
        "models": [asdict(model) for model in models],
    }


def _checks(route: Route) -> list[str]:
    return [f"{url}{route.health}" for url in route.servers.values()]


def files(
    routes: Sequence[Route], models: Sequence[ServedModel], *, environment: str, tracking: Tracking
) -> Mapping[str, str]:
    """Content of the folder ROUTES by name; the proxy reads the YAML, the landing page the JSON."""
    shown = portal(routes, models, environment=environment, tracking=tracking)
    return {
        "routes.yaml": yaml.safe_dump(routing(routes), sort_keys=False),
        "portal.json": json.dumps(shown, indent=1, sort_keys=True),
    }

"""Configuration of the proxy and the landing page, as pure functions of the routes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from modules.core.contracts import Entry, Route, ServedModel, Tracking
from modules.core.tls import CIPHERS

FILES = Path(__file__).with_name("files")
SERVICE = "gateway"
PORTAL = "groundwork"
"""Name of the landing page's host."""
PORT, METRICS_PORT, PORTAL_PORT = 8443, 9100, 8000
HTTPS = 443
"""The port that an address need not name."""
STATIC, ROUTES = "/etc/groundwork/gateway", "/etc/groundwork/routes"
CERTIFICATE, LOGIN = "/var/run/groundwork/certificate", "/var/run/groundwork/login"
TRACKING_LOGIN = "/var/run/groundwork/mlflow"
"""Where the landing page's login to MLflow is."""
A_PAGE = "((Method(`GET`) && HeaderRegexp(`Accept`, `text/html`)) || Header(`Sec-Fetch-Mode`, `navigate`))"
"""What a browser that opens an address asks for; other clients want no page. At one host, a page of one service would
act with the login to all."""
TRIED = "HeaderRegexp(`Content-Length`, `^[0-9]{1,6}$`)"
"""A request that a canary may get: its body is shorter than 1 MB, as it says beforehand. The proxy holds it until it is
answered, to ask again what serves: a hundred clients with long ones would end the proxy, and all ways in with it."""
REQUEST_SECONDS = 3600
"""For a request to arrive whole, and for its answer to be taken: at 5 MB/s a file of 16 GiB has the time. A client that
drips is cut off then."""
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of seconds, Prometheus' own."""


LOGINS = {"average": 200, "burst": 400}
"""Requests a second, of one address, to what asks for a login: a page has some fifty files, and no guess comes far. A
model asks for none, and is bounded by its own server."""
GUESSES = {"average": 60, "period": "1m", "burst": 30}
"""Of one address, to where a service takes passwords by itself, which people may choose."""
FIRST_OF_ALL = 10_000
"""Above the priority of any rule that names none, which is its length."""
HSTS_SECONDS = 31_536_000
OWN_MACHINE = "localhost"


def host_of(name: str, entry: Entry) -> str:
    return f"{name}.{entry.domain}"


def server_names(routes: Iterable[Route], entry: Entry) -> list[str]:
    """DNS names of the certificate: each by itself, since clients differ in whether `*.localhost` may be a wildcard."""
    return [entry.domain, host_of(PORTAL, entry), *(host_of(route.name, entry) for route in routes)]


def address(name: str, entry: Entry) -> str | None:
    """Where a browser opens a service; None where the gateway is not reached from outside of the cluster."""
    return None if entry.port is None else _origin(host_of(name, entry), entry.port)


def client_address(name: str, entry: Entry) -> str | None:
    """Where any client reaches a service, also one whose resolver knows no names below the domain; a browser is led on
    to the service's own host. None: see above."""
    found = front_address(entry)
    return None if found is None else f"{found}/{name}"


def front_address(entry: Entry) -> str | None:
    """Where anybody opens the landing page; None: see above."""
    return None if entry.port is None else _origin(entry.domain, entry.port)


def _origin(host: str, port: int) -> str:
    return f"https://{host}" if port == HTTPS else f"https://{host}:{port}"


def static_configuration() -> dict[str, Any]:
    """What the proxy reads once, at its start."""
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        # What was refused or failed, in the pod's log: no header of a request, which may hold a login.
        "accessLog": {
            "format": "json",
            "filters": {"statusCodes": ["400-599"]},
            "fields": {"headers": {"defaultMode": "drop"}},
        },
        "ping": {"entryPoint": "metrics"},
        "entryPoints": {
            "https": {
                "address": f":{PORT}",
                "http": {"tls": {}, "middlewares": ["headers@file"]},
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


def routing(routes: Sequence[Route], entry: Entry) -> dict[str, Any]:
    """What the proxy follows while it runs: hosts, paths, logins and weights."""
    middlewares: dict[str, Any] = {
        "headers": {"headers": _headers(entry)},
        "login-rate": {"rateLimit": LOGINS},
        "guess-rate": {"rateLimit": GUESSES},
        # The login goes on: the service asks for it itself, as it asks callers inside the cluster.
        **{secret: {"basicAuth": {"usersFile": f"{LOGIN}/{secret}/users"}} for secret in login_secrets(routes)},
    }
    itself = _itself(entry)
    portal_rule = f"{itself} || Host(`{host_of(PORTAL, entry)}`)"
    routers: dict[str, Any] = {PORTAL: _router(portal_rule, PORTAL, [], priority=1)}
    services: dict[str, Any] = {PORTAL: _server(f"http://127.0.0.1:{PORTAL_PORT}")}
    for route in routes:
        login = ["login-rate", route.login] if route.login else []
        middlewares[f"{route.name}-path"] = {"stripPrefix": {"prefixes": [f"/{route.name}"]}}
        first, *tried = route.servers
        host = f"Host(`{host_of(route.name, entry)}`)"
        path = f"({itself}) && (Path(`/{route.name}`) || PathPrefix(`/{route.name}/`))"
        ways = {route.name: (host, login), f"{route.name}-path": (path, [*login, f"{route.name}-path"])}
        for name, (rule, passed) in ways.items():
            routers[name] = _router(rule, first, passed)
            if tried:
                routers[f"{name}-shared"] = _router(f"{rule} && {TRIED}", f"{route.name}-shared", passed)
        middlewares[f"{route.name}-page"] = _own_host(route.name, entry)
        # The landing page's, so that what a redirect does not fit never passes the login.
        page = _router(f"{path} && {A_PAGE}", PORTAL, [f"{route.name}-page"], priority=FIRST_OF_ALL)
        routers[f"{route.name}-page"] = page
        if route.grpc is not None:
            calls = f"Host(`{host_of(route.name, entry)}`) && HeaderRegexp(`Content-Type`, `^application/grpc`)"
            routers[f"{route.name}-grpc"] = _router(calls, f"{route.name}-grpc", login, priority=FIRST_OF_ALL)
            services[f"{route.name}-grpc"] = _server(route.grpc)
        routers |= _own_logins(route, first, host=host, itself=f"({itself})")
        services |= _servers(route)
    certificate = {"certFile": f"{CERTIFICATE}/tls.crt", "keyFile": f"{CERTIFICATE}/tls.key"}
    return {
        "http": {"routers": routers, "services": services, "middlewares": middlewares},
        "tls": {
            "certificates": [certificate],
            "stores": {"default": {"defaultCertificate": certificate}},
            "options": {"default": {"minVersion": "VersionTLS12", "cipherSuites": list(CIPHERS)}},
        },
    }


def _own_logins(route: Route, target: str, *, host: str, itself: str) -> dict[str, Any]:
    """The routers that bound guesses at passwords which a service takes by itself."""
    if not route.own_logins:
        return {}
    below = " || ".join(f"PathPrefix(`{path}`)" for path in route.own_logins)
    below_path = " || ".join(f"PathPrefix(`/{route.name}{path}`)" for path in route.own_logins)
    return {
        f"{route.name}-login": _router(f"{host} && ({below})", target, ["guess-rate"]),
        f"{route.name}-path-login": _router(
            f"{itself} && ({below_path})", target, ["guess-rate", f"{route.name}-path"]
        ),
    }


def login_secrets(routes: Iterable[Route]) -> list[str]:
    """Names of the Secrets with those whom the proxy lets in."""
    return sorted({route.login for route in routes if route.login is not None})


def _headers(entry: Entry) -> dict[str, Any]:
    """Of every answer. A browser keeps it that a host is asked by TLS alone; not of its own machine, whose other ports
    are other people's programs.

    Each as a header of its own: Traefik's named options for them pass every answer through one more layer."""
    own_machine = entry.domain == OWN_MACHINE
    hsts = {} if own_machine else {"Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains"}
    return {
        "customResponseHeaders": {
            **hsts,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "same-origin",
            "Server": "",
        }
    }


def _itself(entry: Entry) -> str:
    """The names under which the paths /<name>/ lead to the services."""
    return " || ".join(f"Host(`{name}`)" for name in (entry.domain, *entry.addresses))


def _own_host(name: str, entry: Entry) -> dict[str, Any]:
    """From a path below the domain to the service's own host, at the same port: a page asks for its files at the root
    of its host, whatever path it was opened at."""
    return {
        "redirectRegex": {
            "regex": rf"^https?://[^/:]+(:\d+)?/{name}/?(.*)$",
            "replacement": f"https://{host_of(name, entry)}${{1}}/${{2}}",
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


def _servers(route: Route) -> dict[str, Any]:
    """The services that the routers of a route need: each server, and where there are several, what shares requests out
    among them."""
    services = {name: _server(url) for name, url in route.servers.items()}
    first, *others = services
    if not others:
        return services
    guarded = {f"{name}-guarded": _guarded(name, first) for name in others}
    names = dict(zip([first, *guarded], services, strict=True))
    shares = [{"name": name, "weight": route.weights[server]} for name, server in names.items()]
    return {**services, **guarded, f"{route.name}-shared": {"weighted": {"services": shares}}}


def _guarded(name: str, first: str) -> dict[str, Any]:
    """A server that is only tried: what it fails to answer is asked of the first one, and no client sees the failure.
    Metrics count it. So is what it does not have: a client may ask for the version that the first one serves."""
    # The proxy would set memory aside for the greatest body that is allowed, at each request; without such a bound it
    # takes what comes, which TRIED bounds.
    errors = {"status": ["404", "500-599"], "maxRequestBodyBytes": -1}
    return {"failover": {"service": name, "fallback": first, "errors": errors}}


def portal(
    routes: Sequence[Route], models: Sequence[ServedModel], *, environment: str, tracking: Tracking, entry: Entry
) -> dict[str, Any]:
    """What the landing page shows: services to look at, models to ask after."""
    return {
        "environment": environment,
        "domain": entry.domain,
        "tracking": tracking.url,
        "tracking_login": TRACKING_LOGIN,
        "services": [
            {"name": route.name, "title": route.title, "login": route.login is not None, "checks": _checks(route)}
            for route in routes
        ],
        "models": [asdict(model) for model in models],
    }


def _checks(route: Route) -> list[str]:
    return [f"{url}{route.health}" for url in route.servers.values()]


def files(
    routes: Sequence[Route], models: Sequence[ServedModel], *, environment: str, tracking: Tracking, entry: Entry
) -> Mapping[str, str]:
    """Content of the folder ROUTES by name; the proxy reads the YAML, the landing page the JSON."""
    shown = portal(routes, models, environment=environment, tracking=tracking, entry=entry)
    return {
        "routes.yaml": yaml.safe_dump(routing(routes, entry), sort_keys=False),
        "portal.json": json.dumps(shown, indent=1, sort_keys=True),
    }

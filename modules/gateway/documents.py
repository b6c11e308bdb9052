"""Where the gateway is found, and what its landing page shows, as pure functions of the routes."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modules.core.contracts import Entry, Route, ServedModel, Tracking

FILES = Path(__file__).with_name("files")
SERVICE = "gateway"
PORTAL = "groundwork"
"""Name of the landing page's host."""
PORT, METRICS_PORT, PORTAL_PORT = 8443, 9100, 8000
HTTPS = 443
"""The port that an address need not name."""
ROUTES = "/etc/groundwork/routes"
ROUTING, PORTAL_DOCUMENT = "routing", "portal.json"
"""ConfigMap of what is in that folder, and the landing page's file in it."""
CERTIFICATE, LOGIN = "/var/run/groundwork/certificate", "/var/run/groundwork/login"
TRACKING_LOGIN = "/var/run/groundwork/mlflow"
"""Where the landing page's login to MLflow is."""
REQUEST_SECONDS = 3600
"""Without a byte of a request or of its answer; then the connection is cut."""
FALLBACK = "fallback"
"""Name of what serves where it is asked what a canary did not answer: metrics list it apart from what serves by
itself."""
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of seconds, Prometheus' own."""


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


def login_secrets(routes: Iterable[Route]) -> list[str]:
    """Names of the Secrets with those whom the proxy lets in."""
    return sorted({route.login for route in routes if route.login is not None})


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

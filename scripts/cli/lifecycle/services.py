"""What runs in an environment, read from its cluster: services, addresses, health, real or simulated."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from modules.core.contracts import Entry
from modules.core.labels import LOCAL_PORT, VERSION
from modules.core.naming import namespace
from modules.core.simulation import SIMULATED, SIMULATION_REASON
from modules.gateway.documents import PORTAL_DOCUMENT, ROUTING, client_address, front_address
from modules.gateway.service import GATEWAY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment
from scripts.cli.output import plain_table
from stacks.services import logins

SCHEMES = {"postgresql", "https"}
"""Names of Service ports that speak something else than HTTP, and are the scheme of an address."""

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of the platform, as a person meets it."""

    name: str
    address: str | None
    """Where any client reaches it; None where `groundwork open` has to lead there."""
    inside: str
    """Where pods of the cluster reach it, if they may."""
    login: str
    kind: str
    """real or simulated"""
    because: str | None
    """Why it is simulated; None where it is not."""
    health: str
    """healthy, or why not"""
    version: str
    """Of its software; where pods of several run, of each."""


def find(environment: Environment) -> list[Service]:
    """All services of the platform, by name."""
    place = namespace(environment.stack, GATEWAY.name)
    with ThreadPoolExecutor(1) as beside:
        routes = beside.submit(kubectl.get, environment, "configmap", ROUTING, "-n", place)
        objects = kubectl.ours(environment, "services,pods")
    settings = environment.settings
    return rows(objects, hosts_of(routes.result(), settings.entry), routable=settings.foundation.publishes)


def rows(objects: Sequence[Object], hosts: Mapping[str, str], *, routable: bool) -> list[Service]:
    """The Services of a list, each with the pods of the list that are behind it, by name. Pure."""
    pods = [each for each in objects if each["kind"] == "Pod"]
    services = [each for each in objects if each["kind"] == "Service" and _is_a_service(each["spec"])]
    described = (describe(service, pods, hosts, routable=routable) for service in services)
    return sorted(described, key=lambda service: service.name)


def _is_a_service(spec: Object) -> bool:
    """Not what only names pods, nor what only publishes another one to the outside."""
    return spec.get("clusterIP") != "None" and spec.get("type", "ClusterIP") == "ClusterIP"


def hosts_of(routes: Object | None, entry: Entry) -> dict[str, str]:
    """Where any client reaches what the gateway leads to, by service; nothing while it is not there, or closed."""
    if routes is None:
        return {}
    named = [service["name"] for service in json.loads(routes["data"][PORTAL_DOCUMENT])["services"]]
    found = {GATEWAY.name: front_address(entry), **{name: client_address(name, entry) for name in named}}
    return {name: address for name, address in found.items() if address is not None}


def describe(service: Object, pods: Sequence[Object], hosts: Mapping[str, str], *, routable: bool) -> Service:
    """A Service object and the pods behind it, as a row. `hosts`: from `hosts_of`. `routable`: whether this machine
    reaches the Services' own addresses. Pure."""
    metadata = service["metadata"]
    behind = _staying([pod for pod in pods if _selects(service, pod)])
    port = metadata.get("annotations", {}).get(LOCAL_PORT)
    first = service["spec"]["ports"][0]
    scheme = first["name"] if first.get("name") in SCHEMES else "http"
    own = f"{service['spec']['clusterIP']}:{first['port']}" if routable else None
    address = f"127.0.0.1:{port}" if port else own
    name = metadata["name"]
    return Service(
        name=name,
        address=hosts.get(name, f"{scheme}://{address}" if address else None),
        inside=f"{scheme}://{name}.{metadata['namespace']}.svc:{first['port']}",
        login=f"groundwork credentials {name}" if name in logins() else "none needed",
        kind="simulated" if any(SIMULATED in pod["metadata"].get("labels", {}) for pod in behind) else "real",
        because=_reason(behind),
        health=health(behind),
        version=", ".join(sorted({pod["metadata"].get("labels", {}).get(VERSION, "unknown") for pod in behind})),
    )


def health(pods: Sequence[Object]) -> str:
    """healthy when a pod is ready and none is in trouble; otherwise the first reason that Kubernetes gives."""
    if not pods:
        return "no pod"
    reasons = [reason for pod in pods if (reason := _trouble(pod))]
    if reasons:
        return reasons[0]
    return "healthy"


def table(services: Sequence[Service]) -> Table:
    shown = plain_table("service", "version", "address", "log in", "kind", "health")
    for service in services:
        style = "green" if service.health == "healthy" else "yellow"
        shown.add_row(
            service.name,
            service.version,
            service.address or f"groundwork open {service.name}",
            service.login,
            service.kind,
            f"[{style}]{service.health}[/{style}]",
        )
    return shown


def as_json(services: Sequence[Service]) -> list[dict[str, Any]]:
    return [asdict(service) for service in services]


def _staying(pods: list[Object]) -> list[Object]:
    """Without those that are ending, as after a rollout, where there are others."""
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]] or pods


def _selects(service: Object, pod: Object) -> bool:
    selector: Mapping[str, str] = service["spec"].get("selector", {})
    labels = pod["metadata"].get("labels", {})
    same = pod["metadata"]["namespace"] == service["metadata"]["namespace"]
    return bool(selector) and same and all(labels.get(key) == value for key, value in selector.items())


def _reason(pods: Sequence[Object]) -> str | None:
    reasons = [str(pod["metadata"].get("annotations", {}).get(SIMULATION_REASON, "")) for pod in pods]
    return next(filter(None, reasons), None)


def _trouble(pod: Object) -> str | None:
    status = pod.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return None
    for container in status.get("containerStatuses", []):
        state = container.get("state", {})
        for kind in ("waiting", "terminated"):
            if kind in state:
                return f"{state[kind].get('reason', kind)} {state[kind].get('message', '')}".strip()
    scheduled = conditions.get("PodScheduled", {})
    return scheduled.get("message") or conditions.get("Ready", {}).get("message") or status.get("phase", "not ready")

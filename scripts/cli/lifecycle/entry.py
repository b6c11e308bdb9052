"""How people get in from outside of the cluster, and what must be so for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.contracts import Entry
from modules.core.naming import namespace
from modules.gateway.documents import SERVICE, front_address
from modules.gateway.service import GATEWAY
from scripts.cli.clients import kubectl
from scripts.cli.environment import Environment

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EntryStatus:
    """The way in."""

    address: str | None
    """Of the landing page; None where nobody gets in from outside."""
    note: str
    """What a person has to do or to know; empty where nothing is."""


def find(environment: Environment) -> EntryStatus:
    """Return the way into an environment, as the cluster has it."""
    entry = environment.settings.entry
    place = namespace(environment.stack, GATEWAY.name)
    kind = front_kind(entry)
    front = None if kind is None else kubectl.get(environment, *kind, "-n", place)
    return EntryStatus(address=front_address(entry), note=note_of(entry, front, environment.stack))


def front_kind(entry: Entry) -> tuple[str, str] | None:
    """Return kind and name of the object that brings clients in; None where there is none but the Service. Pure."""
    if entry.ingress is not None:
        return "ingresses.networking.k8s.io", SERVICE
    if entry.listener is not None:
        kind = "tlsroutes" if entry.listener.passthrough else "httproutes"
        return f"{kind}.gateway.networking.k8s.io", SERVICE
    return ("services", "entry") if entry.service_type == "LoadBalancer" else None


def note_of(entry: Entry, front: Object | None, stack: str) -> str:
    """Return what a person has to do or to know. `front`: the object of `front_kind`, as the cluster has it. Pure."""
    if entry.forwarded:
        return while_forwarded(stack)
    kind = front_kind(entry)
    if kind is not None and front is None:
        return f"The {' '.join(kind)} that brings clients in is not there: run `scripts/up {stack}`."
    if entry.listener is not None:
        where = f"Gateway {entry.listener.namespace}/{entry.listener.name}"
        refused = _refusals(front or {})
        return f"{where} does not take the route: {'; '.join(refused)}." if refused else _names(entry, f"of {where}")
    if entry.service_type == "NodePort":
        return _names(entry, ", ".join(entry.addresses) or "of the nodes")
    if kind is None:
        return ""
    given = _addresses(front or {})
    if not given and entry.ingress is None:
        return f"The cluster has given Service {stack}-{GATEWAY.name}/entry no address of a load balancer yet."
    return _names(entry, ", ".join(given) or "of the Ingress controller, which does not tell it")


def while_forwarded(stack: str) -> str:
    return f"Addresses on localhost answer while `groundwork open --stack {stack}` runs."


def _names(entry: Entry, address: str) -> str:
    return f"DNS: {entry.domain} and *.{entry.domain} must lead to the address {address}."


def _addresses(front: Object) -> list[str]:
    given: Sequence[Object] = front.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [each.get("ip") or each.get("hostname", "") for each in given]


def _refusals(route: Object) -> list[str]:
    """What Gateways say against a route; that none has looked at it, where none has."""
    parents: Sequence[Object] = route.get("status", {}).get("parents") or []
    conditions: list[Object] = [each for parent in parents for each in parent.get("conditions", [])]
    against = [each for each in conditions if each["status"] == "False"]
    if not parents:
        return ["no controller has looked at it yet"]
    return [f"{each['reason']}: {each.get('message', '')}".rstrip(": ") for each in against]

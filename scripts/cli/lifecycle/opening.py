"""`groundwork open`: the address of a service in a browser, and a port that leads there while the command runs."""

import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from modules.core.contracts import Entry
from modules.core.errors import UserError
from modules.core.naming import namespace
from modules.core.settings import advice
from modules.gateway.documents import PORT, SERVICE
from modules.gateway.service import GATEWAY
from scripts.cli.clients.forward import Forward
from scripts.cli.environment import Environment
from scripts.cli.lifecycle import services
from scripts.cli.lifecycle.services import Service
from scripts.cli.output import note, print_json

PAUSE_SECONDS = 1.0
"""Between two tries at a service that has no pod."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A service as a person opens it."""

    service: str
    address: str
    login: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """A port on 127.0.0.1, and what it leads to."""

    namespace: str
    service: str
    port: int
    local_port: int | None
    """None: any that is free."""
    address: str
    """By which a client uses it, with {port} for the port on 127.0.0.1."""


def run(stack: str, service: str | None, *, port: int | None, browser: bool, as_json: bool) -> None:
    environment = Environment(stack)
    found = chosen(services.find(environment), service or GATEWAY.name)
    way = way_to(found, environment.settings.entry, stack, port)
    if way is None:
        show(Opened(service=found.name, address=found.address or "", login=found.login), browser, as_json)
        return
    forward = begin(environment, way, way.local_port)
    address = way.address.format(port=forward.port)
    show(Opened(service=found.name, address=address, login=found.login), browser, as_json)
    note("It is forwarded until Ctrl-C.")
    with suppress(KeyboardInterrupt):
        keep(forward, lambda: begin(environment, way, forward.port))


def chosen(found: Sequence[Service], name: str) -> Service:
    """Return a service of the environment by its name. UserError for one that is not there. Pure."""
    known = {each.name: each for each in found}
    if name not in known:
        raise UserError(f"service: {name!r} is not there; {advice(name, sorted(known))}")
    return known[name]


def way_to(service: Service, entry: Entry, stack: str, port: int | None) -> Way | None:
    """Return what has to be forwarded for a service; None where its address leads there by itself. `port`: on
    127.0.0.1, where a person chose one. Pure."""
    if service.address is None:
        inside = urlsplit(service.inside)
        assert inside.hostname is not None
        assert inside.port is not None
        name, place, _ = inside.hostname.split(".")
        address = f"{inside.scheme}://127.0.0.1:{{port}}"
        return Way(namespace=place, service=name, port=inside.port, local_port=port, address=address)
    if entry.forwarded:
        found = urlsplit(service.address)
        return Way(
            namespace=namespace(stack, GATEWAY.name),
            service=SERVICE,
            port=PORT,
            local_port=port or entry.port,
            address=f"{found.scheme}://{found.hostname}:{{port}}{found.path}",
        )
    if port is not None:
        raise UserError(f"--port: {service.name} needs none, since {service.address} leads there: leave it out")
    return None


def begin(environment: Environment, way: Way, local_port: int | None) -> Forward:
    return Forward(environment, way.namespace, way.service, way.port, local_port)


def show(opened: Opened, browser: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(opened))
    else:
        print(f"{opened.service}: {opened.address}  (log in: {opened.login})", flush=True)
    if browser and opened.address.startswith("http"):
        webbrowser.open(opened.address)


def keep(forward: Forward, again: Callable[[], Forward]) -> None:
    """Forward for ever: to the next pod once one has gone. Says each reason once why that takes its time."""
    while True:
        forward.wait()
        said = ""
        while forward.ended:
            try:
                forward = again()
            except UserError as error:
                if str(error) != said:
                    said = str(error)
                    note(said)
                time.sleep(PAUSE_SECONDS)

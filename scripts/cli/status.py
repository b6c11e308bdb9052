"""`groundwork status`."""

import typer

from . import services
from .environment import Environment
from .main import print_json
from .tables import console


def run(stack: str, *, as_json: bool) -> None:
    found = services.find(Environment(stack))
    if as_json:
        print_json(services.as_json(found))
    else:
        console().print(services.table(found))
    if any(service.health != "healthy" for service in found):
        raise typer.Exit(1)

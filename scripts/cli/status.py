"""`groundwork status`."""

import typer
from rich.console import Console

from . import services
from .environment import Environment
from .main import print_json


def run(stack: str, *, as_json: bool) -> None:
    found = services.find(Environment(stack))
    if as_json:
        print_json(services.as_json(found))
    else:
        Console().print(services.table(found))
    if any(service.health != "healthy" for service in found):
        raise typer.Exit(1)

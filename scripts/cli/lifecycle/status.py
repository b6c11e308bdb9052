"""`groundwork status`."""

from dataclasses import asdict

import typer

from scripts.cli.environment import EMULATED, Environment
from scripts.cli.lifecycle import entry, models, services
from scripts.cli.output import console, print_json


def run(stack: str, *, as_json: bool) -> None:
    environment = Environment(stack)
    found, served, way = services.find(environment), models.find(environment), entry.find(environment)
    if as_json:
        shown = {"services": services.as_json(found), "workloads": models.as_json(served), "entry": asdict(way)}
        shown |= {"account": "emulated"} if environment.emulated else {}
        print_json(shown)
    else:
        screen = console()
        screen.print(services.table(found))
        for service in found:
            if service.because:
                screen.print(f"{service.name} is simulated: {service.because}", highlight=False, soft_wrap=True)
        for each in filter(None, (way.note, EMULATED if environment.emulated else "")):
            screen.print(each, highlight=False, soft_wrap=True)
        screen.print("", models.table(served), sep="\n")
    if any(service.health != "healthy" for service in found):
        raise typer.Exit(1)

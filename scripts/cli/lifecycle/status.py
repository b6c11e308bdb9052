"""`groundwork status`."""

import typer

from scripts.cli.environment import Environment
from scripts.cli.lifecycle import models, services
from scripts.cli.output import console, print_json


def run(stack: str, *, as_json: bool) -> None:
    environment = Environment(stack)
    found, served = services.find(environment), models.find(environment)
    if as_json:
        print_json({"services": services.as_json(found), "workloads": models.as_json(served)})
    else:
        screen = console()
        screen.print(services.table(found))
        for service in found:
            if service.because:
                screen.print(f"{service.name} is simulated: {service.because}", highlight=False, soft_wrap=True)
        screen.print("", models.table(served), sep="\n")
    if any(service.health != "healthy" for service in found):
        raise typer.Exit(1)

"""Names that somebody else has: the engine would take over an object of the name of one that it makes, in silence."""

from collections.abc import Collection, Iterable

from modules.core.errors import UserError
from scripts.cli.clients import engine
from scripts.cli.clients.api import connect
from scripts.cli.environment import Environment
from scripts.cli.steps import Progress
from stacks.foundation.rights import resource_of

from .namespaces import Named, contents_of, read, strangers
from .objects import Object, group, listed

Place = tuple[str, Named]
"""Namespace, and an object in it."""


def refuse_taken(environment: Environment, progress: Progress) -> None:
    """Raise UserError where the platform would make an object of a name that somebody else's has.

    What it would make is known to a preview, once the images are there; without anything of somebody else in the
    environment's namespaces nobody need ask."""
    with connect(environment) as api:
        there = [name for name, each in read(api, namespaces_of(environment)).items() if each is not None]
        contents = contents_of(api, there, environment.stack)
    foreign = {(name, named) for name, found in contents.items() for named in strangers(found, environment.stack)}
    if not foreign:
        return
    progress("comparing the names of somebody else's objects with those of the platform's")
    engine.ensure_stack(environment)
    preview = engine.preview(environment, progress)
    if met := sorted(taken(listed(preview, "steps"), foreign)):
        lines = "\n".join(f"{name}: {'/'.join(named)}" for name, named in met)
        raise UserError(
            f"stack {environment.stack}: the platform makes objects of these names, and somebody else has them:\n"
            f"{lines}\nNothing was changed: remove or rename them, or give the stack namespaces of its own"
        )


def namespaces_of(environment: Environment) -> list[str]:
    return environment.settings.namespaces(environment.stack)


def taken(steps: Iterable[Object], foreign: Collection[Place]) -> set[Place]:
    """Return what is foreign and would be made by the steps of a preview. Pure.

    Where a step's namespace is known only once something else is made, every one of that name is meant."""
    made: set[tuple[str | None, Named]] = set()
    known = {name for name, _ in foreign}
    for step in steps:
        inputs = group(group(step, "newState"), "inputs")
        if step["op"] == "create" and "kind" in inputs:
            metadata, kind = group(inputs, "metadata"), str(inputs["kind"])
            place: str | None = metadata.get("namespace")
            made.add((place if place in known else None, (resource_of(kind), str(metadata["name"]))))
    return {(name, named) for name, named in foreign if (name, named) in made or (None, named) in made}

"""What the engine calls a resource: urn:pulumi:STACK::PROJECT::TYPES::NAME, parents' types before its own."""

from typing import NamedTuple


class Resource(NamedTuple):
    """A resource, without the stack and parents that it has."""

    kind: str
    """Such as kubernetes:apps/v1:Deployment."""
    name: str


def parse(urn: str) -> Resource:
    """Return type and name. A name may be anything, colons too."""
    _, _, types, name = urn.split("::", 3)
    return Resource(types.rpartition("$")[2], name)

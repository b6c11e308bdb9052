"""How a provider says that something is wrong; the server turns these into what the engine expects."""

from dataclasses import dataclass, field

from .values import Object


class ProviderError(Exception):
    """A request failed and changed nothing."""


class UnfinishedError(ProviderError):
    """A resource exists, but not as it was asked for: the state keeps it, and the next run goes on from there."""

    def __init__(self, reason: str, id: str, properties: Object, inputs: Object) -> None:
        super().__init__(reason)
        self.id, self.properties, self.inputs = id, properties, inputs


@dataclass(frozen=True)
class CheckFailure:
    """An input that is refused: the property's path, or "" for the whole, and why."""

    reason: str
    property: str = field(default="")

"""How a provider says that something is wrong; the server turns these into what the engine expects."""

from dataclasses import dataclass, field


class ProviderError(Exception):
    """A request failed and changed nothing."""


@dataclass(frozen=True)
class CheckFailure:
    """An input that is refused: the property's path, or "" for the whole, and why."""

    reason: str
    property: str = field(default="")

"""How a provider says that something went wrong; the server turns these into what the engine expects."""

from dataclasses import dataclass, field
from typing import Any


class ProviderError(Exception):
    """A request failed and changed nothing that the state would have to know.

    uncertain: the request may have been carried out, for the answer to a write was lost.
    """

    def __init__(self, message: str, *, uncertain: bool = False) -> None:
        super().__init__(message)
        self.uncertain = uncertain


class InitFailed(Exception):
    """An object exists, but is not as asked: the engine keeps it in the state and reports the reasons.

    On the next run the engine updates it rather than making a second one.
    """

    def __init__(self, id: str, properties: dict[str, Any], inputs: dict[str, Any], reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id = id
        self.properties = properties
        self.inputs = inputs
        self.reasons = reasons


@dataclass(frozen=True)
class CheckFailure:
    """An input that is refused: the property's path, or "" for the whole, and why."""

    reason: str
    property: str = field(default="")

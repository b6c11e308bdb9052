"""What a provider is to the server: plain values in, plain values out.

Its resources exist only in the state: nothing is waited for, and nothing has to be deleted.
"""

from dataclasses import dataclass, field
from enum import Enum

from .errors import CheckFailure, ProviderError
from .values import Object


class Change(Enum):
    """What a difference means for one property, by its number in the protocol."""

    UPDATE = 4
    UPDATE_REPLACE = 5


@dataclass(frozen=True)
class Resource:
    """One resource of a program, as the engine names it."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True)
class Checked:
    """Inputs with their defaults filled in, and what is refused."""

    inputs: Object
    failures: list[CheckFailure] = field(default_factory=list[CheckFailure])


@dataclass(frozen=True)
class Diff:
    """What differs: property -> kind of change; nothing differs when it is empty."""

    changes: dict[str, Change] = field(default_factory=dict[str, Change])

    @property
    def replaces(self) -> list[str]:
        return [name for name, change in self.changes.items() if change is Change.UPDATE_REPLACE]


@dataclass(frozen=True)
class Created:
    id: str
    properties: Object


@dataclass(frozen=True)
class ReadResult:
    id: str
    properties: Object
    inputs: Object


class Provider:
    """A stand-in for one provider plugin. Methods run on many threads at once."""

    name: str
    version: str

    def check(self, resource: Resource, new: Object) -> Checked:
        raise NotImplementedError

    def diff(self, resource: Resource, state: Object, old: Object, new: Object) -> Diff:
        """state: outputs of the last run; old and new: checked inputs, those that `ignoreChanges` names alike."""
        raise NotImplementedError

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        raise NotImplementedError

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult:
        """Empty state and inputs: an import or a `get`."""
        raise NotImplementedError

    def update(self, *, state: Object, new: Object) -> Object:
        """The outputs after a change that replaces nothing."""
        return {**state, **new}

    def invoke(self, token: str, arguments: Object) -> Object:
        del arguments
        raise ProviderError(self.left_out(token))

    def left_out(self, token: str) -> str:
        """Why a remote component, function or method is not there."""
        return f"{token} is not offered by the {self.name} stand-in; the official plugin has it"

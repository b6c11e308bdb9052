"""What a provider is to the server: plain values in, plain values out.

Where a provider's resources exist only in the state, there is nothing to configure, to update or to delete.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

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
    last: Object = field(default_factory=dict[str, Any])
    """Checked inputs of the last run, for a check; empty where there are none, or where it replaces."""
    id: str = ""
    """That the state has, for a diff."""


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

    def configure(self, settings: Object) -> None:
        """settings: inputs of the program's provider resource, or of the stack's configuration, by their names."""

    def diff_settings(self, old: Object, new: Object) -> Diff:
        """What differs between two runs' settings; where nothing does, the engine goes on with the old ones."""
        del old, new
        return Diff()

    def check(self, resource: Resource, new: Object) -> Checked:
        raise NotImplementedError

    def diff(self, resource: Resource, state: Object, old: Object, new: Object) -> Diff:
        """state: outputs of the last run; old and new: checked inputs, those that `ignoreChanges` names alike."""
        raise NotImplementedError

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        raise NotImplementedError

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult | None:
        """Empty state and inputs: an import or a `get`. None: there is no such resource."""
        raise NotImplementedError

    def update(self, resource: Resource, id: str, *, state: Object, new: Object, preview: bool) -> Object:
        """The outputs after a change that replaces nothing."""
        del resource, id, preview
        return {**state, **new}

    def delete(self, resource: Resource, id: str, state: Object) -> None:
        """Return once it is gone, also where it was gone before."""

    def invoke(self, token: str, arguments: Object) -> Object:
        del arguments
        raise ProviderError(self.left_out(token))

    def end(self) -> None:
        """The engine is done, and its state has what this process made; not called where the engine was killed."""

    def left_out(self, token: str) -> str:
        """Why a remote component, function or method is not there."""
        return f"{token} is not offered by the {self.name} stand-in; the official plugin has it"

"""What a provider is to the server: plain values in, plain values out. Everything has the harmless default."""

import threading
from dataclasses import dataclass, field
from enum import Enum

from .calls import Call
from .errors import CheckFailure, ProviderError
from .values import Object


class Change(Enum):
    """What a difference means for one property."""

    ADD = 0
    ADD_REPLACE = 1
    DELETE = 2
    DELETE_REPLACE = 3
    UPDATE = 4
    UPDATE_REPLACE = 5


@dataclass(frozen=True)
class Resource:
    """One resource of a program, as the engine names it.

    proposed_name, needs_name: what the stack's `pulumi:autonaming` says, told to `check` only. A name that the engine
    made up, "" where that is left to the provider; and whether the program has to give one.
    """

    urn: str
    type: str
    name: str
    proposed_name: str = ""
    needs_name: bool = False


@dataclass(frozen=True)
class Checked:
    """Inputs with their defaults filled in, and what is refused."""

    inputs: Object
    failures: list[CheckFailure] = field(default_factory=list[CheckFailure])


@dataclass(frozen=True)
class Diff:
    """What differs: property paths in Pulumi's notation -> kind of change; nothing differs when it is empty.

    delete_first: a replacement deletes the old object before it makes the new one.
    """

    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    delete_first: bool = False

    @property
    def replaces(self) -> list[str]:
        return [path for path, change in self.changes.items() if change.name.endswith("REPLACE")]


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
    takes_proposed_names = False
    """Whether `check` heeds what the engine's autonaming says."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        """Set when a person has had enough: whatever waits should stop waiting."""

    def close(self) -> None:
        """Lets go of what it holds; nothing is asked of it any more."""

    def check_config(self, urn: str, old: Object, new: Object) -> Checked:
        del urn, old
        return Checked(new)

    def diff_config(self, urn: str, old: Object, new: Object) -> Diff:
        del urn, old, new
        return Diff()

    def configure(self, settings: Object) -> None:
        del settings

    def check(self, resource: Resource, old: Object, new: Object, seed: bytes) -> Checked:
        """seed: random bytes that stay the same between a preview and its update."""
        del resource, old, seed
        return Checked(new)

    def diff(self, resource: Resource, id: str, state: Object, old: Object, new: Object) -> Diff:
        """state: outputs of the last run; old and new: checked inputs, those that `ignoreChanges` names alike."""
        raise NotImplementedError

    def create(self, call: Call, resource: Resource, inputs: Object) -> Created:
        raise NotImplementedError

    def read(self, call: Call, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult | None:
        """None where the object is gone. Empty state and inputs: an import or a `get`."""
        del call, resource
        return ReadResult(id, state, inputs)

    def update(self, call: Call, resource: Resource, id: str, *, state: Object, old: Object, new: Object) -> Object:
        raise NotImplementedError

    def delete(self, call: Call, resource: Resource, id: str, state: Object, inputs: Object) -> None:
        """Nothing to do where a resource exists only in the state."""

    def invoke(self, call: Call, token: str, arguments: Object) -> Object:
        del call, arguments
        raise ProviderError(self.left_out(token))

    def left_out(self, token: str) -> str:
        """Why a remote component, function or method is not there."""
        return f"{token} is not offered by the {self.name} stand-in; the official plugin has it"

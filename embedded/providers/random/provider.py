"""pulumi_random's resources: values that are drawn once and then live in the state."""

from embedded.providers.base import (
    UNKNOWN,
    Change,
    Checked,
    CheckFailure,
    Created,
    Diff,
    Object,
    Provider,
    ProviderError,
    ReadResult,
    Resource,
    Secret,
    has_unknown,
    reveal,
)
from embedded.providers.base.release import release

from .kinds import KINDS, Kind


class Random(Provider):
    """Every input is part of what was drawn, so that any change of one draws again, in a resource of its own."""

    name = "random"

    def __init__(self) -> None:
        self.version = release("pulumi_random")

    def check(self, resource: Resource, new: Object) -> Checked:
        kind = _kind(resource)
        inputs = {**kind.defaults, **{name: value for name, value in new.items() if value is not None}}
        if has_unknown(inputs):
            return Checked(inputs)
        refused = kind.refused(reveal(inputs))
        return Checked(inputs, [CheckFailure(refused)] if refused else [])

    def diff(self, resource: Resource, state: Object, old: Object, new: Object) -> Diff:
        del resource, state
        names = sorted(name for name in old.keys() | new.keys() if reveal(old.get(name)) != reveal(new.get(name)))
        return Diff(dict.fromkeys(names, Change.UPDATE_REPLACE))

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        kind = _kind(resource)
        if preview:
            return Created("", {**inputs, **dict.fromkeys(kind.outputs, UNKNOWN)})
        id, drawn = kind.draw(reveal(inputs))
        return Created(id, {**inputs, **_sealed(kind, drawn)})

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult:
        if state:
            return ReadResult(id, state, inputs)
        kind = _kind(resource)
        if kind.adopt is None:
            raise ProviderError(f"{resource.type}: import is not offered by this stand-in")
        id, found_inputs, found = kind.adopt(id)
        found_inputs = {**kind.defaults, **found_inputs}
        return ReadResult(id, {**found_inputs, **_sealed(kind, found)}, found_inputs)


def _sealed(kind: Kind, values: Object) -> Object:
    return {name: Secret(value) for name, value in values.items()} if kind.secret else values


def _kind(resource: Resource) -> Kind:
    kind = KINDS.get(resource.type.rsplit(":", 1)[-1])
    if kind is None:
        raise ProviderError(f"{resource.type}: this stand-in knows {', '.join(sorted(KINDS))}")
    return kind

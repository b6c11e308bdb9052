"""The engine's part in a test: calls a provider in the order in which the engine does."""

from dataclasses import dataclass, field
from typing import Any

from embedded.bench.controlplane import ControlPlane
from embedded.providers.base import Call, Change, Diff, InitFailed, Object, Resource, reveal
from embedded.providers.base.values import decode, encode
from embedded.providers.kubernetes.provider import Kubernetes

Manifest = dict[str, Any]


def type_of(manifest: Manifest) -> str:
    group, _, version = manifest["apiVersion"].rpartition("/")
    return f"kubernetes:{group or 'core'}/{version}:{manifest['kind']}"


def through_the_wire(values: Object) -> Object:
    """What the engine would keep: only what survives the protocol."""
    return decode(encode(values))


@dataclass
class Made:
    """A resource as the state knows it."""

    resource: Resource
    id: str
    inputs: Object
    outputs: Object

    @property
    def plain(self) -> Any:
        return reveal(self.outputs)


@dataclass
class Session:
    """One run of one stack against the control plane. A further one is a further run, in a fresh provider process."""

    plane: ControlPlane
    stack: str = "test"
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    provider: Kubernetes = field(init=False)
    said: list[tuple[str, str, bool]] = field(default_factory=list[tuple[str, str, bool]])

    def __post_init__(self) -> None:
        self.provider = Kubernetes()
        self.provider.configure({"kubeconfig": str(self.plane.kubeconfig), "context": "bare", **self.settings})

    def call(self, urn: str, *, preview: bool = False, timeout: float = 0.0) -> Call:
        def say(severity: str, message: str, urn: str, passing: bool) -> None:
            del urn
            self.said.append((severity, message, passing))

        return Call(urn, timeout, preview, self.provider.cancelled, say)

    @property
    def warnings(self) -> list[str]:
        return [message for severity, message, _ in self.said if severity == "warning"]

    @property
    def statuses(self) -> list[str]:
        return [message for _, message, passing in self.said if passing]

    def resource(self, manifest: Manifest, name: str = "", type: str = "") -> Resource:
        type = type or type_of(manifest)
        name = name or manifest.get("metadata", {}).get("name") or "unnamed"
        return Resource(f"urn:pulumi:{self.stack}::project::{type}::{name}", type, name)

    def check(self, resource: Resource, manifest: Manifest, old: Object | None = None) -> Object:
        checked = self.provider.check(resource, old or {}, through_the_wire(manifest), b"seed")
        assert not checked.failures, checked.failures
        return through_the_wire(checked.inputs)

    def preview(self, manifest: Manifest, name: str = "", type: str = "") -> Object:
        """What a preview of a new resource shows."""
        resource = self.resource(manifest, name, type)
        inputs = self.check(resource, manifest)
        return self.provider.create(self.call(resource.urn, preview=True), resource, inputs).properties

    def create(self, manifest: Manifest, name: str = "", *, type: str = "", timeout: float = 0.0) -> Made:
        resource = self.resource(manifest, name, type)
        inputs = self.check(resource, manifest)
        made = self.provider.create(self.call(resource.urn, timeout=timeout), resource, inputs)
        return Made(resource, made.id, inputs, through_the_wire(made.properties))

    def diff(self, made: Made, manifest: Manifest) -> Diff:
        inputs = self.check(made.resource, manifest, made.inputs)
        return self.provider.diff(made.resource, made.id, made.outputs, made.inputs, inputs)

    def update(self, made: Made, manifest: Manifest, *, preview: bool = False, timeout: float = 0.0) -> Made:
        inputs = self.check(made.resource, manifest, made.inputs)
        call = self.call(made.resource.urn, preview=preview, timeout=timeout)
        outputs = self.provider.update(call, made.resource, made.id, state=made.outputs, old=made.inputs, new=inputs)
        return Made(made.resource, made.id, inputs, through_the_wire(outputs))

    def up(self, made: Made, manifest: Manifest) -> tuple[Made, Diff]:
        """Updates or replaces, as the difference says."""
        found = self.diff(made, manifest)
        if not found.changes:
            return made, found
        if not found.replaces:
            return self.update(made, manifest), found
        name = made.resource.name
        if found.delete_first:
            self.delete(made)
        new = self.create(manifest, name)
        if not found.delete_first:
            self.delete(made)
        return new, found

    def refresh(self, made: Made) -> Made | None:
        call = self.call(made.resource.urn)
        found = self.provider.read(call, made.resource, made.id, made.outputs, made.inputs)
        if found is None:
            return None
        return Made(made.resource, found.id, through_the_wire(found.inputs), through_the_wire(found.properties))

    def get(self, type: str, id: str) -> Made | None:
        """What `get` and an import read."""
        resource = Resource(f"urn:pulumi:{self.stack}::project::{type}::got", type, "got")
        found = self.provider.read(self.call(resource.urn), resource, id, {}, {})
        return found and Made(resource, found.id, found.inputs, found.properties)

    def delete(self, made: Made, *, timeout: float = 0.0) -> None:
        call = self.call(made.resource.urn, timeout=timeout)
        self.provider.delete(call, made.resource, made.id, made.outputs, made.inputs)

    def kept(self, failure: InitFailed, manifest: Manifest) -> Made:
        """The resource that the state keeps of a failed creation."""
        return Made(self.resource(manifest), failure.id, failure.inputs, through_the_wire(failure.properties))


def replaced(found: Diff) -> list[str]:
    return sorted(path for path, change in found.changes.items() if change in REPLACING)


REPLACING = frozenset({Change.ADD_REPLACE, Change.DELETE_REPLACE, Change.UPDATE_REPLACE})

"""pulumi_aws' resources on an emulated account: the table says what they are, moto keeps them."""

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

from embedded.providers.base import (
    UNKNOWN,
    Change,
    Checked,
    Created,
    Diff,
    Object,
    Provider,
    ProviderError,
    ReadResult,
    Resource,
    Secret,
    UnfinishedError,
    has_unknown,
    reveal,
)
from embedded.providers.base.release import release

from .account import Account
from .check import failures
from .convert import like, overlay, same
from .diff import changes
from .names import Names
from .table import Entry, entry_of


class Aws(Provider):
    """Each resource is read back after every change, so that its outputs are the account's."""

    name = "aws"

    def __init__(self, account: Account | None = None, inform: Callable[[str], None] | None = None) -> None:
        """inform: shows a line to the person who runs the engine."""
        self._inform = inform
        self.version = release("pulumi_aws")
        self.account = account or Account()
        self.default_tags: dict[str, str] = {}
        self._names = Names()
        self._known: dict[str, str | None] = {}
        """URN -> id of what the state has, None as long as that is not known."""
        self._made: list[str] = []
        """Keys of what this process made."""
        self._said: set[str] = set()
        """Types of which the person was informed that they are only recorded."""

    def configure(self, settings: Object) -> None:
        found: Object = {name: _parsed(reveal(value)) for name, value in settings.items() if not has_unknown(value)}
        self.account.region = found.get("region") or self.account.region
        defaults: Object = found.get("defaultTags") or {}
        self.default_tags = defaults.get("tags") or {}
        endpoints: list[dict[str, str]] = found.get("endpoints") or []
        if endpoints:
            self.account.endpoint = next(iter(endpoints[0].values()))
        if self._inform:
            where = self.account.endpoint or "no address"
            self._inform(f"emulated: the AWS account at {where} is on this machine, not at AWS")

    def diff_settings(self, old: Object, new: Object) -> Diff:
        """In place: what a change means for a resource, its own diff says."""
        names = sorted(name for name in old.keys() | new.keys() if reveal(old.get(name)) != reveal(new.get(name)))
        return Diff(dict.fromkeys(names, Change.UPDATE))

    def check(self, resource: Resource, new: Object) -> Checked:
        entry = entry_of(resource.type)
        if resource.last:  # the state has it: one that is created from now on replaces it
            self._known.setdefault(resource.urn, None)
        inputs = {name: value for name, value in new.items() if value is not None and name != "__defaults"}
        for name, value in entry.get("defaults", {}).items():
            inputs.setdefault(name, value)
        self._names.fill(resource, entry, inputs)
        refused = failures(entry, inputs)
        if "tags" in entry:
            inputs["tagsAll"] = self._all_tags(inputs.get("tags"))
        return Checked(inputs, refused)

    def _all_tags(self, tags: Any) -> Any:
        if tags is UNKNOWN or (isinstance(tags, Secret) and tags.value is UNKNOWN):
            return UNKNOWN
        own: Object = reveal(tags) or {}
        return {**self.default_tags, **own}

    def _own_tags(self, last: dict[str, str], found: dict[str, str]) -> dict[str, str]:
        """Those found that are not the provider's default ones, unless the program named them too."""
        return {k: v for k, v in found.items() if self.default_tags.get(k) != v or last.get(k) == v}

    def diff(self, resource: Resource, state: Object, old: Object, new: Object) -> Diff:
        entry = entry_of(resource.type)
        if "region" in entry["inputs"]:
            new = {**new, "region": new.get("region") or self.account.region}
        self._known[resource.urn] = resource.id
        return Diff(changes(entry, state, old, new))

    def create(self, resource: Resource, inputs: Object, *, preview: bool) -> Created:
        entry = entry_of(resource.type)
        if preview:
            return Created("", {**dict.fromkeys([*entry["outputs"], "arn"], UNKNOWN), **inputs})
        live = self._live(entry, inputs)
        with _named(resource):
            key = _key(resource)
            there_already = live.create(key, replaces=self._known.get(resource.urn, ""))
        self._made.append(key)
        self._say_recorded(resource.type, entry)
        try:
            if there_already:
                live.resume_creation()
            else:
                live.finish_creation()
            return Created(live.id, self._properties(live, inputs))
        except ProviderError as error:
            raise UnfinishedError(f"{resource.type} {resource.name}: {error}", live.id, inputs, inputs) from None

    def _say_recorded(self, token: str, entry: Entry) -> None:
        if self._inform and "recorded" in entry and token not in self._said:
            self._said.add(token)
            self._inform(f"recorded: {token} is not emulated; the account keeps its inputs, and nothing acts on them")

    def read(self, resource: Resource, id: str, state: Object, inputs: Object) -> ReadResult | None:
        entry = entry_of(resource.type)
        live = self._live(entry, state or inputs, id)
        with _named(resource):
            live.resolve_import()
            live.take_parts()
            if not live.find():
                return None
            found = live.outputs()
        known = _refreshed(entry, inputs, found) if inputs else _imported(entry, found)
        if "tags" in entry:
            known.update(
                tagsAll=found["tagsAll"], tags=self._own_tags(reveal(inputs.get("tags")) or {}, found["tagsAll"])
            )
            if not known["tags"]:
                del known["tags"]
        return ReadResult(live.id, _merged(entry, known, found), known)

    def update(self, resource: Resource, id: str, *, state: Object, new: Object, preview: bool) -> Object:
        entry = entry_of(resource.type)
        if preview:
            return {**state, **new}
        live = self._live(entry, {**state, **new}, id)
        live.old = reveal(state)
        for name in entry["inputs"]:
            if name not in new and not entry["inputs"][name].get("computed"):
                live.values.pop(name, None)
        with _named(resource):
            live.update()
            return self._properties(live, new)

    def delete(self, resource: Resource, id: str, state: Object) -> None:
        if reveal(state).get("skipDestroy"):
            return
        live = self._live(entry_of(resource.type), state, id)
        with _named(resource):
            live.take_parts()
            live.delete()

    def invoke(self, token: str, arguments: Object) -> Object:
        from .invokes import answers, ask

        if not answers(token):
            return super().invoke(token, arguments)
        return ask(self.account, token, reveal(arguments))

    def end(self) -> None:
        if self._made:
            self.account.keep(self._made)

    def _live(self, entry: Entry, values: Object, id: str = "") -> Any:
        from .recorded import Recorded  # late: with it come botocore and JMESPath, which a check does not need
        from .resource import Live

        kind = Recorded if "recorded" in entry else Live
        return kind(self.account, entry, dict(reveal(values)), id)

    def _properties(self, live: Any, inputs: Object) -> Object:
        if not live.find():
            raise ProviderError(f"{live.id}: gone right after it was made or changed")
        return _merged(live.entry, inputs, live.outputs())


def _key(resource: Resource) -> str:
    """Of a resource in its state's backend: another backend's stack of the same name is another one."""
    text = json.dumps([os.environ.get("PULUMI_BACKEND_URL", ""), resource.urn])
    return hashlib.sha256(text.encode()).hexdigest()


class _named:
    """Puts the resource's name before what goes wrong."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ProviderError):
            raise ProviderError(f"{self.resource.type} {self.resource.name}: {error}") from None


def _parsed(value: Any) -> Any:
    """Settings of a provider that are no texts arrive as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in {"{", "["} else value
    except ValueError:
        return value


def _merged(entry: Entry, inputs: Object, found: Object) -> Object:
    """Outputs: what was read; the program's own spelling where it means the same; secrets stay secret."""
    made: Object = {name: value for name, value in found.items() if value is not None}
    for name, value in inputs.items():
        shown = reveal(value)
        if name not in made:
            made[name] = value
        elif entry["inputs"].get(name, {}).get("type") == "host":
            continue  # IAM shows an issuer without its scheme, and programs build conditions from that
        elif same(entry["inputs"].get(name, {}), shown, like(shown, made[name])):
            made[name] = value if isinstance(value, Secret) else overlay(value, made[name])
        elif isinstance(value, Secret):
            made[name] = Secret(made[name])
    for name in entry["secrets"]:
        if name in made and not isinstance(made[name], Secret):
            made[name] = Secret(made[name])
    for name in entry["outputs"]:
        made.setdefault(name, None)
    return made


def _refreshed(entry: Entry, inputs: Object, found: Object) -> Object:
    """The inputs of the last run, changed to what the account has."""
    made: Object = {}
    for name, value in inputs.items():
        current = like(reveal(value), found.get(name))
        if entry["outputs"].get(name) is None or same(entry["inputs"].get(name, {}), reveal(value), current):
            made[name] = value
        elif current is not None:
            made[name] = Secret(current) if isinstance(value, Secret) else current
    return made


def _imported(entry: Entry, found: Object) -> Object:
    """Inputs of a program that would have made what was found."""
    made = dict(entry.get("defaults", {}))
    for name in entry["inputs"]:
        value = found.get(name)
        if (name != "region" and value not in (None, "", [], {}, False)) or (name in made and value is not None):
            made[name] = value
    return made

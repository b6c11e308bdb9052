"""One resource of the account: its calls, as the table declares them, filled with its values."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from embedded.providers.base import Change, Object, ProviderError
from embedded.providers.base.values import is_list, is_object

from . import tags
from .account import Account, ApiError, creating, earlier_note
from .convert import from_api, like, plain, same, to_api
from .diff import changes
from .hooks import HOOKS
from .table import Entry, Node
from .templates import MISSING, Lookup, fill, search, text

PATIENCE = 60.0
"""Seconds, for what must go before something else can. The emulated account is quick."""
READY_SECONDS = 1800.0
"""For what is being made: a cluster of EKS may be a real one. As long as the official provider waits for it."""
PAUSE = 0.2
IN_USE = ("DependencyViolation", "DeleteConflict", "ResourceInUse", "InvalidIPAddress.InUse")
"""Codes, or beginnings of them, that pass by themselves once what uses a resource is gone."""


@dataclass
class Live:
    """values: its inputs and, once it is there, its outputs. old: what they were."""

    account: Account
    entry: Entry
    values: Object
    id: str = ""
    old: Object = field(default_factory=dict[str, Any])
    item: Object = field(default_factory=dict[str, Any])

    @property
    def region(self) -> str:
        return self.values.get("region") or self.account.region

    @property
    def all_tags(self) -> tags.Tags:
        """The provider's default ones too."""
        return self.values.get("tagsAll") or {}

    @property
    def nodes(self) -> dict[str, Node]:
        return self.entry["inputs"]

    def call(self, call: str, parameters: Object, service: str = "") -> Object:
        return self.account.call(service or self.entry["service"], text(call, self.lookup), parameters, self.region)

    # What the table's names stand for.

    def lookup(self, name: str) -> Any:
        kind, _, rest = name.rpartition(":")
        if kind == "item":
            return self.item.get(rest, MISSING)
        if kind == "old":
            return self._sent(rest, self.old) if self.changed(rest) else MISSING
        if kind in {"added", "removed"}:
            return (
                self._difference(rest, self.values, self.old)
                if kind == "added"
                else self._difference(rest, self.old, self.values)
            )
        return self._plain_name(name)

    def _plain_name(self, name: str) -> Any:
        if name in self.entry.get("account_default", ()):
            return self.values.get(name) or self.account.id
        special = {"id": lambda: self.id, "region": lambda: self.region, "partition": lambda: self.account.partition}
        if name in special:
            return special[name]()
        if name == "account":
            return self.account.id
        if name in self.entry.get("computed", {}):
            return HOOKS[self.entry["computed"][name]](self)
        if name in self.entry.get("either", {}) and name not in self.values:
            choices: list[str] = self.entry["either"][name]
            return next((self.values[choice] for choice in choices if self.values.get(choice)), MISSING)
        if name in self.entry.get("by_input", {}):
            meanings: dict[str, str] = self.entry["by_input"][name]
            return next((meaning for choice, meaning in meanings.items() if self.values.get(choice)), MISSING)
        sent = self._sent(name, self.values)
        cleared: Object = self.entry.get("cleared", {})
        if sent is MISSING and name in cleared and self.old.get(name):
            return to_api(self.nodes[name], cleared[name])
        return sent

    def _sent(self, name: str, values: Object) -> Any:
        value = values.get(name)
        return MISSING if value is None or value == "" else to_api(self.nodes.get(name, {"type": ""}), value)

    def _difference(self, name: str, one: Object, other: Object) -> Any:
        """Members of one list, or keys of one mapping, that the other lacks; a single value where it is gone."""
        if isinstance(one.get(name), dict) and self.nodes[name]["type"] == "map":
            return [key for key in one[name] if key not in (other.get(name) or {})] or MISSING
        if not isinstance(one.get(name), list):
            return self._sent(name, one) if one.get(name) and not other.get(name) else MISSING
        members = [member for member in one.get(name) or () if member not in (other.get(name) or ())]
        return to_api(self.nodes[name], members) if members else MISSING

    def changed(self, name: str) -> bool:
        new = self.values.get(name)
        return not same(self.nodes.get(name, {}), like(new, self.old.get(name)), new)

    # Its identity.

    def name_by_parts(self) -> str:
        """The id of a type that is named by its inputs."""
        declared: Object = self.entry["id"]
        return declared.get("separator", "").join(str(self._plain_name(name)) for name in declared["names"])

    def take_parts(self) -> None:
        """The inputs that the id consists of, so that the resource can be read by it alone."""
        declared: Object = self.entry.get("id", {})
        if not declared:
            return
        separator: str = declared.get("separator", "")
        parts = self.id.split(separator, len(declared["names"]) - 1) if separator else [self.id]
        if len(parts) != len(declared["names"]):
            expected = separator.join(declared["names"])
            raise ProviderError(f"id {self.id}: expected {expected}, such as {self.entry['import']}")
        for name, part in zip(declared["names"], parts, strict=True):
            self.values.setdefault(name, part)

    def resolve_import(self) -> None:
        """Another form of the id that the SDK documents for imports."""
        declared: Object = self.entry.get("import_by", {})
        if declared and declared["separator"] in self.id:
            parts = self.id.split(declared["separator"], len(declared["names"]) - 1)
            self.values.update(zip(declared["names"], parts, strict=True))
            if "call" not in declared:
                self.id = parts[-1]
                return
            answer = self.call(declared["call"], fill(declared["with"], self.lookup))
            self.id = search(declared["id"], answer, self.lookup) or self.id

    # Its calls.

    def create(self, key: str, *, replaces: str | None) -> bool:
        """key: the same for the same thing, also in a later run. True: it was there already, of a run that was killed.

        replaces: the id that the state has of it; "": none; None: one that is not known. What the account made under
        that key is then this one, or one of a run that was killed as it replaced it.
        """
        answer = self._make(key, anew=replaces is None)
        note = earlier_note(answer)
        if note is None:
            return False
        earlier = self._earlier(answer, note)
        if earlier is not None and earlier.id != replaces:
            if note["inputs"] == self._fingerprint() or not earlier.must_go_for(self.values):
                self.id = earlier.id
                return True
            earlier.delete()
        self._make(key, anew=True)
        return False

    def _make(self, key: str, *, anew: bool) -> Object:
        declared: Object = self.entry["create"]
        filled: Any = fill(declared["with"], self.lookup)
        parameters: Object = {} if filled is MISSING else filled
        named = self.name_by_parts() if "id" in self.entry else ""
        with creating(key, {"id": named, "inputs": self._fingerprint()}, anew=anew):
            answer = self.call(declared["call"], {**parameters, **tags.at_creation(self.entry, self.all_tags)})
        self.id = self._id_in(answer) or named
        return answer

    def _id_in(self, answer: Object) -> str:
        declared: Object = self.entry["create"]
        if "id_hook" in declared:
            return HOOKS[declared["id_hook"]](self)
        return search(declared["id"], answer, self.lookup) if "id" in declared else ""

    def _fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()

    def _earlier(self, answer: Object, note: Object) -> "Live | None":
        """What the answer's first request made, with what is found of it; None where it is gone."""
        parts = set(self.entry.get("id", {}).get("names", ()))
        values = {name: value for name, value in self.values.items() if name not in parts or not note["id"]}
        found = Live(self.account, self.entry, values, self._id_in(answer) or note["id"])
        found.take_parts()
        if not found.find() or found._is("deleted"):
            return None
        found.old = {name: value for name, value in found.outputs().items() if value is not None}
        found.values.update(found.old)
        return found

    def must_go_for(self, wanted: Object) -> bool:
        """Whether what was found cannot be changed to what is declared; what no read shows counts as another value."""
        return Change.UPDATE_REPLACE in changes(self.entry, self.old, self.old, wanted).values()

    def resume_creation(self) -> None:
        """What a run that was killed had not yet done."""
        self.wait()
        self.find()
        found = self.outputs()
        for update in self.entry["updates"]:
            if update.get("always"):
                self._update(update)
        self.old = found
        self.update()

    def finish_creation(self) -> None:
        """What the create call does not take, in calls of their own."""
        self.wait()
        taken = names_in(self.entry["create"].get("with", {}))
        for update in self.entry["updates"]:
            rest = [name for name in update["takes"] if name not in taken and self.values.get(name) not in (None, "")]
            if update.get("created", True) and (rest or update.get("always")):
                self._update(update)
        if "tags" in self.entry and self.all_tags and not tags.taken_at_creation(self.entry):
            self.write_tags({})

    def update(self) -> None:
        for update in self.entry["updates"]:
            if any(map(self.changed, update["takes"])):
                self._update(update)
                self.wait()
        old: tags.Tags = self.old.get("tagsAll") or {}
        if "tags" in self.entry and old != self.all_tags:
            self.write_tags(old)

    def _update(self, declared: Object) -> None:
        if "hook" in declared:
            HOOKS[declared["hook"]](self)
            return
        parameters = fill(declared["with"], self._lookup_changed(declared) if declared.get("partial") else self.lookup)
        # "$old:" and the like have no value where there is nothing to take away: then the call has nothing to do.
        if parameters is not MISSING and all(name in parameters for name in declared.get("required", ())):
            self.call(declared["call"], parameters)

    def _lookup_changed(self, declared: Object) -> Lookup:
        """For an operation that does again what it is given again, such as a new password: what changed, and names."""
        takes: list[str] = declared["takes"]

        def lookup(name: str) -> Any:
            choices: list[str] = self.entry.get("either", {}).get(name, [name])
            unchanged = set(choices) <= set(takes) and not any(map(self.changed, choices))
            return MISSING if unchanged else self.lookup(name)

        return lookup

    def write_tags(self, old: tags.Tags) -> None:
        names = {"id": self.id, "arn": self.arn()}
        tags.write(self.account, self.entry, names, old=old, new=self.all_tags, region=self.region)

    def arn(self) -> str:
        if "arn" in self.entry:
            return text(self.entry["arn"], self.lookup)
        return self.values.get("arn", "") or self.item.get("arn", "")

    def delete(self) -> None:
        for step in self.entry.get("before_delete", ()):
            self._before(step)
        declared: Object = self.entry.get("delete", {})
        if declared:
            self._until_unused(declared)
            self._await(gone=True)

    def _before(self, step: Object) -> None:
        parameters: Any = fill(step.get("with", {}), self.lookup)
        if parameters is MISSING:
            return  # nothing of what it names is there: such as the association of an address that NAT gave back
        try:
            if "hook" in step:
                HOOKS[step["hook"]](self)
            else:
                self.call(step["call"], parameters)
        except ApiError as error:
            if error.code not in [*step.get("ignore", ()), *self.entry.get("gone", ())]:
                raise
        except ProviderError:
            # A parameter without a value: nothing is attached.
            if len(parameters) == len(step.get("with", {})):
                raise

    def _until_unused(self, declared: Object) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.call(declared["call"], fill(declared["with"], self.lookup))
            except ApiError as error:
                if error.code in self.entry.get("gone", ()):
                    return
                if not error.code.startswith(IN_USE) or time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE)
            else:
                return

    def wait(self) -> None:
        """Until it is ready for use, where that takes a while."""
        if "wait" in self.entry:
            self._await(gone=False)

    def _await(self, *, gone: bool) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            there = self.find(more=False)
            if gone and (not there or self._is("deleted")):
                return
            state = search(self.entry["wait"]["path"], self.item, self.lookup) if "wait" in self.entry and there else ""
            if not gone and state == self.entry["wait"]["is"]:
                return
            if not gone and state in self.entry["wait"].get("failed", ()):
                reason = search(self.entry["wait"].get("reason", "''"), self.item, self.lookup)
                raise ProviderError(f"{self.id} is {state}{f': {reason}' if reason else ''}")
            if time.monotonic() > deadline:
                aim = "gone" if gone else self.entry["wait"]["is"]
                raise ProviderError(
                    f"{self.id} is not {aim} after {READY_SECONDS:.0f} s; its state is {state or 'unknown'}"
                )
            time.sleep(PAUSE)

    # What is there.

    def find(self, *, more: bool = True) -> bool:
        """Read it into `item`; False where it is gone."""
        declared: Object = self.entry["read"]
        try:
            filled = fill(declared.get("with", {}), self.lookup)
            answer = self.call(declared["call"], {} if filled is MISSING else filled)
            found = search(declared["item"], answer, self.lookup) if "item" in declared else answer
            self.item = dict(found) if found else {}
            if not found or self._is("absent"):
                return False
            for name, extra in self.entry.get("more", {}).items() if more else ():
                self.item[name] = self._more(extra)
        except ApiError as error:
            if error.code in self.entry.get("gone", ()):
                return False
            raise
        return True

    def _more(self, declared: Object) -> Any:
        if "hook" in declared:
            return HOOKS[declared["hook"]](self)
        answer = self.call(declared["call"], fill(declared["with"], self.lookup))
        return search(declared["item"], answer, self.lookup) if "item" in declared else answer

    def _is(self, key: str) -> bool:
        return key in self.entry and bool(search(self.entry[key], self.item, self.lookup))

    def outputs(self) -> Object:
        """After `find`. Without those that are only put in."""
        found: Object = {}
        for name, expression in self.entry["outputs"].items():
            if expression is not None:
                value = search(expression, self.item, self.lookup)
                found[name] = from_api(self.nodes[name], value) if name in self.nodes else plain(value)
        if "arn" in self.entry:
            found["arn"] = self.arn()
        if "region" in self.nodes:
            found["region"] = self.region
        if "tags" in self.entry:
            names = {"id": self.id, "arn": found.get("arn", "")}
            found["tagsAll"] = tags.read(self.account, self.entry, names, self.item, self.region)
        return found


def names_in(template: Any) -> set[str]:
    """Names of properties that a call's parameters are filled from."""
    if isinstance(template, str):
        return {template[1:]} if template.startswith("$") else set()
    members = template.values() if is_object(template) else template if is_list(template) else ()
    return set[str]().union(*map(names_in, members))

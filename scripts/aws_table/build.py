"""Joins what the SDK, AWS's schemas and botocore say of a type with what is declared for it by hand."""

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from embedded.providers.base.values import is_list, is_object

from . import operations, schemas
from .sdk import Input, SdkType, read_type

Declared = dict[str, Any]
BUILT_IN = {"region", "tags", "tagsAll"}
"""Inputs and outputs that every type treats alike."""
COPIED = (
    *("read", "more", "before_delete", "tags", "arn", "gone", "absent", "deleted", "wait", "name", "defaults", "id"),
    *("either", "by_input", "computed", "import_by", "account_default", "cleared"),
)
"""Declarations that the provider reads as they are."""
SCALARS = {"string", "integer", "number", "boolean"}


@dataclass
class Builder:
    """One type. problems: what is neither mapped nor listed, or contradicts itself; each is one line for a person."""

    token: str
    service: str
    declared: Declared
    sdk: SdkType = field(init=False)
    schema: schemas.Schema = field(init=False)
    problems: list[str] = field(default_factory=list[str])
    shapes: dict[str, Any] = field(default_factory=dict[str, Any])
    taken: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.sdk = read_type(self.token)
        name: str | None = self.declared.get("schema")
        self.schema = schemas.load(name) if name else {}
        self.kind = self.token.split(":")[1]

    def build(self) -> Declared:
        create = self._call(self.declared.get("create"))
        updates = [self._call(update) for update in self.declared.get("updates", ())]
        delete = self._call(self.declared.get("delete"), automatic=False)
        self.taken |= set(self.declared.get("hook_updates", ()))
        for update in updates:
            # $tags, $id and the like are no properties; what names the resource does not change.
            named = set(update.pop("names", ()))
            update.setdefault("takes", sorted((mentioned(update["with"]) & set(self.sdk.inputs)) - named))
            self.taken |= set(update["takes"])
        inputs = {name: self._node(name, found) for name, found in self.sdk.inputs.items()}
        made: Declared = {
            "service": self.service,
            "schema": self.declared.get("schema"),
            "import": self.declared.get("import", self.sdk.import_id),
            "inputs": inputs,
            "outputs": self._outputs(),
            "secrets": self.sdk.secrets,
            "create": create,
            "updates": updates,
        }
        made.update({key: self.declared[key] for key in COPIED if key in self.declared})
        if delete:
            made["delete"] = delete
        for problem in self.problems:
            print(f"{self.token}: {problem}")
        return made

    def _call(self, declared: Declared | None, automatic: bool = True) -> Declared:
        """A call with its parameters written out: what is declared, and each input that an operation takes by name."""
        if not declared:
            return {}
        made = dict(declared)
        if "call" not in made:
            return {"with": {}, **made}
        parameters: Declared = deepcopy(made.get("with", {}))
        # A call whose name depends on an input: its operations are alike.
        shape = operations.operation(made.get("service", self.service), made.pop("shape", made["call"])).input_shape
        self._locate(parameters, shape)
        if made.pop("auto", automatic):
            prefix: str = self.declared.get("prefix", "")
            inner = operations.members(operations.descend(shape, prefix)) if prefix else {}
            already = mentioned(parameters)
            for name in self.sdk.inputs:
                if name in already or name in BUILT_IN or name in self._unsent():
                    continue
                self._find(name, operations.members(shape), parameters)
                if prefix and name not in mentioned(parameters):
                    self._find(name, inner, parameters.setdefault(prefix, {}))
        made["with"] = {
            name: value for name, value in parameters.items() if value != {} or name in declared.get("with", {})
        }
        made["required"] = sorted(shape.required_members) if shape is not None else []
        return made

    def _unsent(self) -> set[str]:
        return {name for key in ("own", "recorded", "refused") for name in self.declared.get(key, ())}

    def _find(self, name: str, members: dict[str, Any], parameters: Declared) -> None:
        renamed: str = self.declared.get("renames", {}).get(name, name)
        member = schemas.find(renamed, members, self.kind)
        if member and member not in parameters:
            parameters[member] = f"${name}"
            self.shapes.setdefault(name, members[member])

    def _locate(self, template: Any, shape: Any) -> None:
        """The shape where a declared parameter holds a property."""
        if isinstance(template, str):
            for name in mentioned(template) if shape is not None else ():
                self.shapes.setdefault(name, shape)
        elif is_object(template):
            for key, value in template.items():
                self._locate(value, operations.members(shape).get(key))
        elif is_list(template):
            for value in template:
                self._locate(value, shape.member if shape is not None and shape.type_name == "list" else None)

    def _node(self, name: str, found: Input) -> Declared:
        where, schema = self._schema_of(name)
        node = self._value(name, found, self.shapes.get(name), schema, where)
        if name in self.declared.get("account_default", ()):
            node["computed"] = True
        if name in self.declared.get("besides", {}):
            node["enum"] = [*self.declared["besides"][name], *node["enum"]]
        if name in self.declared.get("refused", {}):
            node = {"type": found.type, "refused": self.declared["refused"][name]}
        self._decide(name, node, where)
        return node

    def _schema_of(self, name: str) -> tuple[tuple[str, ...], Any]:
        """An input's path in AWS's schema, and its part of it. schema_at: of a type that AWS has inside another one."""
        if "schema_at" in self.declared:
            path: str = self.declared["schema_at"].get(name, "")
            found: Any = self.schema
            for part in path.split(".") if path else ():
                found = schemas.properties(self.schema, found)[part]
            return tuple(path.split(".")) if path else (), found if path else None
        known = schemas.properties(self.schema, self.schema) if self.schema else {}
        match = next((m for alias in self._aliases(name) if (m := schemas.find(alias, known, self.kind))), None)
        return ((match,), known[match]) if match else ((), None)

    def _aliases(self, name: str) -> list[str]:
        declared = [self.declared.get(key, {}).get(name) for key in ("cfn", "renames")]
        return [alias for alias in [*declared, name] if alias]

    def _value(self, path: str, found: Input, shape: Any, schema: Any, where: tuple[str, ...]) -> Declared:
        if path in self.declared.get("forms", {}):
            found = Input(self.declared["forms"][path], found.required, found.computed)
        node: Declared = {"type": found.type}
        if found.required:
            node["required"] = True
        if found.computed:
            node["computed"] = True
        if (
            found.type in SCALARS
            and shape is not None
            and shape.type_name in {"boolean", "integer", "long", "string", "timestamp"}
        ):
            kind = {"long": "integer", "timestamp": "string"}.get(shape.type_name, shape.type_name)
            if kind != found.type:
                node["api_type"] = kind
        if found.type in {*SCALARS, "array"}:
            node.update(operations.constraints(shape))
            node.update(schemas.constraints(self.schema, schema) if schema else {})
        if schema and self._unordered(schema):
            node["unordered"] = True
        if found.type == "map" and shape is not None and shape.type_name == "list":
            node["pairs"] = sorted(operations.members(shape))[:2]
        if found.type == "object" and shape is not None and shape.type_name == "list":
            node["wrap"] = True
        if found.items and found.type == "array":
            inner = shape.member if shape is not None and shape.type_name == "list" else None
            if shape is not None and shape.type_name == "structure":
                node["single"], inner = True, shape
            below = schemas.follow(self.schema, schema).get("items") if schema else None
            node["items"] = self._value(path, found.items, inner, below, where)
        if found.fields:
            node["fields"] = self._fields(path, found, shape, schema, where)
        return node

    def _unordered(self, schema: Any) -> bool:
        followed = schemas.follow(self.schema, schema)
        return followed.get("insertionOrder") is False or followed.get("uniqueItems") is True

    def _fields(self, path: str, found: Input, shape: Any, schema: Any, where: tuple[str, ...]) -> Declared:
        members = operations.members(shape)
        known = schemas.properties(self.schema, schema) if schema else {}
        fields: Declared = {}
        for name, inner in found.fields.items():
            full = f"{path}.{name}"
            renamed: str = self.declared.get("renames", {}).get(full, name)
            member, match = schemas.find(renamed, members), schemas.find(renamed, known)
            below = (*where, match) if match else ()
            node = self._value(full, inner, members.get(member or ""), known.get(match or ""), below)
            if member:
                node["api"] = member
            elif shape is not None and not self._listed(full):
                self.problems.append(f"input {full} has no member among {', '.join(members)}")
            exception = self.declared.get("exceptions", {}).get(full)
            if exception["replaces"] if exception else below in schemas.paths(self.schema, "createOnlyProperties"):
                node["replaces"] = True
            fields[name] = node
        return fields

    def _listed(self, path: str) -> bool:
        listed = self._unsent()
        return any(path == entry or path.startswith(f"{entry}.") for entry in listed)

    def _by_hook(self, name: str) -> bool:
        """Sent by a function, or as part of a parameter that is computed from several inputs."""
        either: Declared = self.declared.get("either", {})
        listed = {*self.declared.get("sent", ()), *self.declared.get("hook_updates", ())}
        return name in listed.union(*either.values())

    def _decide(self, name: str, node: Declared, path: tuple[str, ...]) -> None:
        """Whether a change replaces, and by whose word: AWS's schema, its operations, or an exception of ours."""
        exceptions: Declared = self.declared.get("exceptions", {})
        taken = name in self.taken
        fixed = path in schemas.paths(self.schema, "createOnlyProperties") if path else False
        maybe = path in schemas.paths(self.schema, "conditionalCreateOnlyProperties") if path else False
        if name in exceptions:
            replaces, by = exceptions[name]["replaces"], "exception"
        elif name == "region":
            replaces, by = True, "operations"
        elif name in BUILT_IN or name in self._unsent():
            listed = next((key for key in ("own", "recorded", "refused") if name in self.declared.get(key, ())), "")
            replaces, by = False, "operations" if name in BUILT_IN or taken else listed
        elif fixed and taken:
            self.problems.append(
                f"input {name} is create-only by AWS's schema, yet an update takes it: decide in exceptions"
            )
            replaces, by = True, "schema"
        elif fixed:
            replaces, by = True, "schema"
        elif path and not maybe and not taken and self.declared.get("updates"):
            self.problems.append(f"input {name} may change by AWS's schema, yet no update takes it")
            replaces, by = False, "schema"
        else:
            replaces, by = not taken, "schema" if path and (taken or maybe) else "operations"
        if name not in self.shapes and name not in BUILT_IN and not self._listed(name) and not self._by_hook(name):
            self.problems.append(f"input {name} is sent by no operation and not listed")
        if replaces:
            node["replaces"] = True
        node["by"] = by

    def _outputs(self) -> Declared:
        """Each output and the expression that finds it in what is read; None: what was put in."""
        read: Declared = self.declared.get("read", {})
        answer = (
            operations.operation(read.get("service", self.service), read["call"]).output_shape
            if read.get("call")
            else None
        )
        path: str = read.get("shape", read.get("item", ""))
        item = operations.descend(answer, path) if path else answer
        known = operations.members(item)
        prefix: str = self.declared.get("read_prefix", "")
        inner = operations.members(operations.descend(item, prefix)) if prefix else {}
        found: Declared = {}
        declared: Declared = self.declared.get("outputs", {})
        for name in self.sdk.outputs:
            if (name in BUILT_IN and not declared.get(name)) or (name == "arn" and "arn" in self.declared):
                continue
            renamed: str = self.declared.get("renames", {}).get(name, name)
            if name in declared:
                found[name] = declared[name]
            elif member := schemas.find(renamed, known, self.kind):
                found[name] = member
            elif member := schemas.find(renamed, inner, self.kind):
                found[name] = f"{prefix}.{member}"
            elif name in self.sdk.inputs:
                found[name] = None
            elif name not in self.declared.get("unfilled", ()):
                self.problems.append(f"output {name} is neither found in {', '.join(known)} nor listed")
        return found


def mentioned(template: Any) -> set[str]:
    """Names of the properties in a call's parameters."""
    if isinstance(template, str):
        found = re.fullmatch(r"\$(?:(?:old|added|removed):)?(\w+)", template)
        return {found[1]} if found else set()
    values = template.values() if is_object(template) else template if is_list(template) else ()
    return set[str]().union(*map(mentioned, values))

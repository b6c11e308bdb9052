"""What the pulumi_aws SDK says of a type, by its sources: importing them takes seconds and names no import ids."""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SCALARS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
DEPTH = 8
"""Levels of nested inputs that are followed; statements of rules for web requests contain themselves."""


@dataclass
class Input:
    """type: string, integer, number, boolean, array, object or map; items: of an array or a map.

    computed: AWS gives a value where the program gives none.
    """

    type: str
    required: bool = False
    computed: bool = False
    fields: dict[str, "Input"] = field(default_factory=dict[str, "Input"])
    items: "Input | None" = None


@dataclass(frozen=True)
class SdkType:
    """kinds: of the outputs, as of inputs. documentation: of the inputs."""

    inputs: dict[str, Input]
    outputs: list[str]
    secrets: list[str]
    import_id: str
    kinds: dict[str, str]
    documentation: dict[str, str]


def read_type(token: str, depth: int = 0) -> SdkType:
    """token: such as ec2/vpc:Vpc. depth: levels of nested inputs that are left out."""
    path, name = token.split(":")
    module, file = path.split("/")
    source = _source(module, token, file).read_text()
    classes = _classes(source)
    example = re.search(rf"pulumi import aws:{re.escape(token)} \S+ (.+)", source)
    secrets = re.search(r"additional_secret_outputs=\[(.*?)\]", source)
    # A nested block of the same name takes the shorter one: BucketVersioning.
    arguments = classes.get(f"{name}InitArgs") or classes[f"{name}Args"]
    inputs = _fields(module, arguments, classes, depth)
    for output in _always_there(classes[name]) & inputs.keys():
        inputs[output].computed = not inputs[output].required
    return SdkType(
        inputs=inputs,
        outputs=list(_names(classes[name]).values()),
        secrets=re.findall(r'"(\w+)"', secrets[1]) if secrets else [],
        import_id=example[1].strip().strip("'\"") if example else "",
        kinds=_kinds(module, classes[name], classes),
        documentation=_documentation(arguments),
    )


def _source(module: str, token: str, file: str) -> Path:
    """The SDK names some files otherwise than their types."""
    folder = _folder(module)
    usual = folder / f"{_snake(file)}.py"
    if usual.exists():
        return usual
    for other in folder.glob("*.py"):
        if f'type_token("aws:{token}")' in other.read_text():
            return other
    raise SystemExit(f"pulumi_aws has no aws:{token}")


def root() -> Path:
    spec = find_spec("pulumi_aws")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pulumi_aws is not installed: uv sync --group aws --group emulation --group aws-table")
    return Path(next(iter(spec.submodule_search_locations)))


def _snake(name: str) -> str:
    """As the SDK names its files: vpc -> vpc, routeTable -> route_table, openIdConnectProvider -> ..."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def _classes(source: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _folder(module: str) -> Path:
    """`lambda` is a keyword of Python."""
    named = root() / module
    return named if named.exists() else root() / f"{module}_"


@cache
def _nested(module: str) -> dict[str, ast.ClassDef]:
    return _classes((_folder(module) / "_inputs.py").read_text())


def _names(node: ast.ClassDef) -> dict[str, str]:
    """Python name -> Pulumi's, of each property."""
    found: dict[str, str] = {}
    for method in node.body:
        if isinstance(method, ast.FunctionDef):
            for decorator in method.decorator_list:
                text = ast.unparse(decorator)
                if text.startswith("pulumi.getter"):
                    named = re.search(r"name='(\w+)'", text)
                    found[method.name] = named[1] if named else method.name
    return found


def _kinds(module: str, node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, str]:
    names, found = _names(node), dict[str, str]()
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name in names and isinstance(method.returns, ast.Subscript):
            found[names[method.name]] = _input(module, method.returns.slice, classes, DEPTH).type
    return found


def _documentation(node: ast.ClassDef) -> dict[str, str]:
    names, found = _names(node), dict[str, str]()
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name in names and (text := ast.get_docstring(method)):
            found[names[method.name]] = text
    return found


def _always_there(node: ast.ClassDef) -> set[str]:
    """Outputs that are never None, by their types."""
    names = _names(node)
    found = [method for method in node.body if isinstance(method, ast.FunctionDef) and method.name in names]
    return {names[method.name] for method in found if method.returns and "Optional" not in ast.unparse(method.returns)}


def _fields(module: str, node: ast.ClassDef, classes: dict[str, ast.ClassDef], depth: int) -> dict[str, Input]:
    names = _names(node)
    create = next(item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
    found: dict[str, Input] = {}
    for argument, default in zip(create.args.kwonlyargs, create.args.kw_defaults, strict=True):
        assert argument.annotation is not None
        made = _input(module, argument.annotation, classes, depth)
        made.required = default is None
        found[names[argument.arg]] = made
    return found


def _input(module: str, node: ast.expr, classes: dict[str, ast.ClassDef], depth: int) -> Input:
    if isinstance(node, ast.Subscript):
        outer, inner = ast.unparse(node.value), node.slice
        if outer == "Sequence":
            return Input("array", items=_input(module, inner, classes, depth))
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if outer == "Mapping":
            return Input("map", items=_input(module, parts[1], classes, depth))
        return _input(module, parts[0], classes, depth)  # Input, Optional, and the first of a Union
    name: Any = node.value if isinstance(node, ast.Constant) else ast.unparse(node)
    if name.removeprefix("_builtins.") in SCALARS:
        return Input(SCALARS[name.removeprefix("_builtins.")])
    nested = classes.get(name) or _nested(module).get(name)
    if nested is None or depth > DEPTH:
        return Input("any")
    return Input("object", fields=_fields(module, nested, classes, depth + 1))

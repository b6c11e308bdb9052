"""Describes the types that nothing emulates by what the SDK and AWS's schemas say of them, without a line by hand.

Only their own inputs: what is inside of blocks is kept as it is.
"""

import re
from collections import Counter, defaultdict
from functools import cache
from typing import Any

from . import schemas
from .sdk import DEPTH, Input, SdkType, read_type, root

TOKEN = re.compile(r'@pulumi\.type_token\("aws:((\w+)/\w+:(\w+))"\)')
REPLACED = re.compile(r"forces? (?:a |the )?(?:new resource|replacement|re-?creation)|forces? new|replaces the", re.I)
KEPT = ("type", "required", "computed")
CHECKED = ("enum", "minimum", "maximum")
"""Not the patterns and lengths: the schema's are of the API's values, which the SDK sometimes takes in another form."""
NAME = 255
"""Characters of a name that a program leaves out, where AWS's schema says nothing of its length."""
SERVICES = {
    "lb": "ElasticLoadBalancingV2",
    "alb": "ElasticLoadBalancingV2",
    "cognito": "Cognito",
    "sfn": "StepFunctions",
}
"""Modules of the SDK that have another name in AWS's schemas."""
Declared = dict[str, Any]


def tokens() -> dict[str, list[str]]:
    """Module -> tokens of its resources, such as lambda/function:Function."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(root().glob("*/[!_]*.py")):
        for token, module, _ in TOKEN.findall(file.read_text()):
            found[module].append(token)
    return found


def build(module: str, listed: list[str]) -> dict[str, Declared]:
    """The entries of a module's types."""
    return {f"aws:{token}": _entry(module, token) for token in listed}


def _entry(module: str, token: str) -> Declared:
    sdk = read_type(token, DEPTH)
    kind = token.split(":")[1]
    name = _schema_name(module, kind)
    schema = schemas.load(name) if name else {}
    inputs = {key: _node(key, found, sdk, schema, kind) for key, found in sdk.inputs.items() if key != "tagsAll"}
    made: Declared = {
        "schema": name or f"AWS::{module.capitalize()}::{kind}",
        "service": _service(module, schema, sdk.import_id),
        "inputs": inputs,
        "outputs": {key: value for key, value in sdk.kinds.items() if key not in {*inputs, "tagsAll"}},
        "secrets": sdk.secrets,
        "identity": _identity(sdk, schema, kind),
        "resource": _resource(sdk.import_id, kind),
    }
    if "name" in inputs and inputs["name"].get("computed"):
        made["name"] = {"property": "name", "most": _longest(schema, kind)}
    return made


def _node(name: str, found: Input, sdk: SdkType, schema: Declared, kind: str) -> Declared:
    node = {key: value for key in KEPT if (value := getattr(found, key))}
    known = schemas.properties(schema, schema) if schema else {}
    match = schemas.find(name, known, kind)
    if match and found.type in {"string", "integer", "number"}:
        limits = schemas.constraints(schema, known[match])
        node.update({key: limits[key] for key in CHECKED if key in limits})
    documented = name in {"name", "namePrefix", "region"} or REPLACED.search(sdk.documentation.get(name, ""))
    if (match,) in schemas.paths(schema, "createOnlyProperties") if match else documented:
        node["replaces"] = True
    return node


def _identity(sdk: SdkType, schema: Declared, kind: str) -> str:
    """What its id is: an input's name, "arn", or the beginning of a generated one."""
    primary: list[str] = [path.split("/")[-1] for path in schema.get("primaryIdentifier", ())]
    generated = re.match(r"([a-z]+-)[0-9a-f]{8,17}$", sdk.import_id)
    if sdk.import_id.startswith("arn:"):
        return "arn"
    if generated:
        return generated[1]
    if len(primary) == 1:
        wanted = schemas.plain(primary[0])
        return next((name for name in sdk.inputs if schemas.find(name, {primary[0]: 0}, kind)), "") if wanted else ""
    return "name" if not schema and "name" in sdk.inputs and not re.search("[/:,_]", sdk.import_id) else ""


def _resource(example: str, kind: str) -> str:
    """What is before the name in the last part of an ARN, by an example or by the type's own name."""
    if not example.startswith("arn:"):
        return f"{kind.lower()}/"
    resource = example.split(":", 5)[-1]
    return resource[: max(resource.rfind("/"), resource.rfind(":")) + 1]


@cache
def _by_kind() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in schemas.names():
        found[schemas.plain(name.split("::")[2])].append(name)
    return found


def _schema_name(module: str, kind: str) -> str:
    """AWS's type of the same kind in the service of the same name; "" where it has none."""
    wanted = schemas.plain(SERVICES.get(module, module))
    for name in _by_kind().get(schemas.plain(kind), []):
        service = schemas.plain(name.split("::")[1])
        if service == wanted or (len(wanted) > 2 and service.startswith(wanted)):
            return name
    return ""


def _service(module: str, schema: Declared, example: str) -> str:
    """As ARNs and policies name it."""
    if example.startswith("arn:"):
        return example.split(":")[2]
    actions: list[str] = schema.get("handlers", {}).get("create", {}).get("permissions", [])
    counted = Counter(action.split(":")[0] for action in actions if action.split(":")[0] not in {"iam", "kms", "ec2"})
    return counted.most_common(1)[0][0] if counted else module


def _longest(schema: Declared, kind: str) -> int:
    known = schemas.properties(schema, schema) if schema else {}
    match = schemas.find("name", known, kind)
    return schemas.constraints(schema, known[match]).get("maxLength", NAME) if match else NAME

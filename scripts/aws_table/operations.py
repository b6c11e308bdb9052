"""botocore's service models: the parameters of an operation, and the shapes of its answer."""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from .schemas import readable

LONGEST_ENUM = 60
"""Values; longer lists (instance types, prefixes of addresses) change each week, and are the account's to judge."""


@cache
def model(service: str) -> Any:
    loader: Any = Loader()
    description: Any = loader.load_service_model(service, "service-2")
    return ServiceModel(description, service)


def operation(service: str, call: str) -> Any:
    """call: as boto3 spells it, such as create_vpc."""
    plain = call.replace("_", "")
    for name in model(service).operation_names:
        if name.lower() == plain:
            return model(service).operation_model(name)
    raise SystemExit(f"{service} has no operation {call}")


def members(shape: Any) -> dict[str, Any]:
    """Of a structure, or of the structures in a list."""
    if shape is not None and shape.type_name == "list":
        shape = shape.member
    return dict(shape.members) if shape is not None and shape.type_name == "structure" else {}


def descend(shape: Any, path: str) -> Any:
    """The shape at a path such as Vpcs[0] or GroupPolicy.Name. None: there is none, or an expression is no path."""
    for part in path.split("."):
        name = part.split("[")[0]
        if shape is None or shape.type_name not in {"structure", "list"} or not name.isidentifier():
            return None
        shape = members(shape).get(name)
        if "[" in part and shape is not None:
            shape = shape.member
    return shape


def constraints(shape: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if shape is None:
        return found
    if shape.type_name == "string":
        if shape.enum and len(shape.enum) <= LONGEST_ENUM:
            found["enum"] = list(shape.enum)
        pattern = shape.metadata.get("pattern")
        if pattern and readable(pattern):
            found["pattern"] = f"^(?:{pattern})$"
    names = {"string": ("minLength", "maxLength"), "list": ("minItems", "maxItems")}
    least, most = names.get(shape.type_name, ("minimum", "maximum"))
    for key, name in (("min", least), ("max", most)):
        if key in shape.metadata:
            found[name] = shape.metadata[key]
    return found

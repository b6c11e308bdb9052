"""Documents that modules render from the templates beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
from jinja2 import Environment, StrictUndefined
from pulumi import _types as sdk  # pyright: ignore[reportPrivateUsage] # no public function does the same


def render(template: Path, **values: object) -> str:
    """The template filled with the values; a value that is missing is an error, never an empty place."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(template.read_text()).render(values)


def plain(value: Any) -> Any:
    """Typed arguments of a resource as the document that other clients of the same API read.

    Refuses, by TypeError, what is known only once something else was made.
    """
    if isinstance(value, pulumi.Output):
        raise TypeError("a document can't hold a value that is known only once something else was made")
    if sdk.is_input_type(type(value)):  # pyright: ignore[reportUnknownArgumentType]
        return plain(sdk.input_type_to_dict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, list):
        return [plain(inner) for inner in cast(list[Any], value)]
    return value

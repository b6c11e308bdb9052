"""docs/settings.md from the settings themselves: `python -m stacks.reference > docs/settings.md`."""

import sys
from typing import Any, cast, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stacks.foundation.targets import DEFAULT_TARGET
from stacks.settings import MODELS

HEADER = """# Settings

Every key of `stacks/Pulumi.<env>.yaml`, its default and what it means. A key that is not here is refused. A group that
is given in part keeps its defaults for the rest. This page is made from the code: `python -m stacks.reference`.

"""
TABLE = "| key | default | meaning |\n|---|---|---|\n"


def groups(model: type[BaseModel], prefix: str = "groundwork:") -> dict[str, type[BaseModel]]:
    """Every group of settings by its key path, the model itself included; `<name>` stands for a key of a mapping,
    `<number>` for a place in a list."""
    found = {prefix: model}
    for name, field in model.model_fields.items():
        inner, each = group_of(field.annotation)
        if inner:
            found |= groups(inner, f"{prefix}{name}.{each}")
    return found


def rows(model: type[BaseModel], defaults: Any, prefix: str) -> list[str]:
    """A table row for each setting that is no group itself."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner, each = group_of(field.annotation)
        default = getattr(defaults, name, None) if defaults is not None else _default(field)
        if inner and not each:
            if default is None and not field.is_required():
                found.append(f"| `{prefix}{name}` | none | {field.description} |")
            found += rows(inner, default, f"{prefix}{name}.")
            continue
        found.append(f"| `{prefix}{name}` | {_shown(default, required=field.is_required())} | {field.description} |")
        if inner:
            found += rows(inner, None, f"{prefix}{name}.{each}")
    return found


def render() -> str:
    """The page: what several targets have alike is there once."""
    sections = [HEADER]
    seen: set[str] = set()
    for target, model in MODELS.items():
        new = [row for row in rows(model, None, "groundwork:") if row not in seen]
        seen.update(new)
        heading = "" if target == DEFAULT_TARGET else f"\n## Where `foundation.target` is `{target}`\n\n"
        sections += [heading, TABLE, *(f"{row}\n" for row in new)]
    return "".join(sections)


def group_of(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """(the settings that an annotation holds, what stands for each where it is a mapping or list of them)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    values = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    if not values:
        return None, ""
    kind = get_origin(annotation)
    return values[0], "<name>." if kind is dict else "<number>." if kind is list else ""


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})


def _shown(value: Any, *, required: bool) -> str:
    if value is None:
        return "required" if required else "none"
    if isinstance(value, dict):
        value = {name: _plain(each) for name, each in cast(dict[str, Any], value).items()}
    return f"`{yaml.safe_dump(value, default_flow_style=True).removesuffix('...' + chr(10)).strip()}`"


def _plain(value: Any) -> Any:
    """What stands in a file for a group of settings."""
    return value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value


if __name__ == "__main__":
    sys.stdout.write(render())

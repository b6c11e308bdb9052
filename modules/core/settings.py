"""The base of all settings, and how their errors are reported."""

from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from types import NoneType, UnionType
from typing import Annotated, Any, Self, TypeVar, Union, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from .errors import UserError
from .quantities import Cpu, Size, millicores, size_bytes

PROJECT = "groundwork"
"""Namespace of the configuration keys in a stack's file."""

_UNKNOWN_KEY = "extra_forbidden"


Port = Annotated[int, Field(ge=1024, le=65535)]
"""A port on this machine that needs no privilege."""


def _cidr(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: expected a range such as 203.0.113.0/24, without host bits") from error
    return text


Cidr = Annotated[str, AfterValidator(_cidr)]
"""A range of IP addresses."""
Principal = Annotated[
    str, StringConstraints(pattern=r"^arn:aws:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]{1,256}$")
]
"""ARN of a role or a user in IAM."""


class Settings(BaseModel):
    """Frozen, strictly typed, unknown keys refused; every field has a description. No I/O.

    A group that is given in part keeps its defaults for the rest: `resources: {limits: {memory: 3Gi}}` leaves the
    other three figures as the module chose them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        groups = {
            name: default
            for name, field in cls.model_fields.items()
            if isinstance(default := field.get_default(call_default_factory=True, validated_data={}), BaseModel)
        }
        values = cast(Mapping[str, Any], given)
        return {
            key: _merge(groups[key].model_dump(), value) if key in groups else value for key, value in values.items()
        }


class ResourceAmounts(Settings):
    """CPU and memory of one container."""

    cpu: Cpu = Field(description='Cores as text, whole or in thousandths: "2", "250m".')
    memory: Size = Field(description="Memory with its unit: 512Mi, 2Gi.")


class Resources(Settings):
    """What a container is promised (requests) and what it may not exceed (limits)."""

    requests: ResourceAmounts = Field(description="What the scheduler reserves on a node.")
    limits: ResourceAmounts = Field(description="More memory than this OOM-kills the container; CPU is throttled.")

    @model_validator(mode="after")
    def _limits_cover_requests(self) -> Self:
        if size_bytes(self.limits.memory) < size_bytes(self.requests.memory):
            raise ValueError(
                f"limits.memory {self.limits.memory} is less than requests.memory {self.requests.memory}: "
                "raise the limit or lower the request"
            )
        if millicores(self.limits.cpu) < millicores(self.requests.cpu):
            raise ValueError(
                f"limits.cpu {self.limits.cpu} is less than requests.cpu {self.requests.cpu}: "
                "raise the limit or lower the request"
            )
        return self


def resources(*, cpu: tuple[str, str], memory: tuple[str, str]) -> Resources:
    """Resources from (request, limit) pairs, for the defaults of modules."""
    return Resources(
        requests=ResourceAmounts(cpu=cpu[0], memory=memory[0]), limits=ResourceAmounts(cpu=cpu[1], memory=memory[1])
    )


def require_memory(key: str, given: Resources, minimum: str, what: str) -> None:
    """Raise ValueError where the limit is less than what a process takes at its start. key: of the resources."""
    if size_bytes(given.limits.memory) < size_bytes(minimum):
        raise ValueError(
            f"{key}.limits.memory {given.limits.memory} is less than {minimum}: "
            f"{what} would be OOM-killed at startup; raise it"
        )


SettingsType = TypeVar("SettingsType", bound=Settings)


def validated(
    model: type[SettingsType], values: Mapping[str, Any], *, source: str, prefix: str = f"{PROJECT}:"
) -> SettingsType:
    """`values` as `model`; UserError with one line for each thing that is wrong.

    `source` is the file that a person would correct; `prefix` comes before the key path.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        lines = [f"{explain(model, problem, prefix)} ({source})" for problem in error.errors(include_url=False)]
        raise UserError("\n".join(lines)) from error


def explain(model: type[BaseModel], problem: ErrorDetails, prefix: str) -> str:
    """One line: the key path, the value, what is allowed, what to do."""
    location = problem["loc"]
    path = prefix + ".".join(str(part) for part in location)
    if problem["type"] == _UNKNOWN_KEY:
        allowed = _keys_at(model, location[:-1])
        return f"{path}: unknown key; {advice(str(location[-1]), allowed)}"
    if problem["type"] == "missing":
        return f"{path}: missing; {_description(model, location)}"
    given = problem["input"]
    if any(holds_secret(_annotation_at(model, location[:depth])) for depth in range(1, len(location) + 1)):
        return f"{path}: {problem['msg']}; {_description(model, location[:1])}"
    if problem["type"] == "value_error":
        message = problem["msg"].removeprefix("Value error, ")
        # A group's own check names the keys below it, which say more than the whole group would.
        return (
            f"{path.rstrip(':')}: {message}" if isinstance(given, Mapping) else f"{path} is {_shown(given)}: {message}"
        )
    if problem["type"] == "literal_error":
        return f"{path} is {_shown(given)}; {advice(str(given), _choices(model, location))}"
    if problem["type"] == "model_type":
        hint = "write them below it, without quotes; " if isinstance(given, str) else ""
        return f"{path} is {_shown(given)}: expected a mapping of keys; {hint}{advice('', _keys_at(model, location))}"
    if problem["type"] == "bool_type":
        return f"{path} is {_shown(given)}; allowed: true, false; {_description(model, location)}"
    return f"{path} is {_shown(given)}: {problem['msg']}; {_description(model, location)}"


def advice(given: str, allowed: list[str]) -> str:
    """What to write instead of a word that is not among those allowed."""
    close = get_close_matches(given, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(allowed) or 'none'}"


def holds_secret(annotation: Any) -> bool:
    """Return whether what an annotation describes is never shown."""
    return annotation is SecretStr or any(map(holds_secret, get_args(annotation)))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _merge(default: Mapping[str, Any], given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    values = cast(Mapping[str, Any], given)
    merged = dict(default)
    for key, value in values.items():
        inner = default.get(key)
        merged[key] = _merge(cast(Mapping[str, Any], inner), value) if isinstance(inner, Mapping) else value
    return merged


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that describes the group at a place, through optional groups, mappings and lists of groups."""
    found: type[BaseModel] | None = model
    inside_mapping = False
    for part in location:
        if found is None:
            return None
        if inside_mapping:  # `part` is a key or an index, whose values `found` describes
            inside_mapping = False
            continue
        field = found.model_fields.get(str(part))
        if field is None:
            return None
        found, inside_mapping = _group_type(field.annotation)
    return found


def _group_type(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """(the model in an annotation, whether it is the value type of a mapping or list)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    arguments = get_args(annotation)
    if get_origin(annotation) in {dict, Mapping, list}:
        return _group_type(arguments[-1])[0], True
    if get_origin(annotation) in {Union, UnionType}:
        found = (_group_type(argument) for argument in arguments)
        return next((pair for pair in found if pair[0] is not None), (None, False))
    return None, False


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    found = _model_at(model, location)
    return sorted(found.model_fields) if found else []


def _field_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Any:
    found = _model_at(model, location[:-1])
    return found.model_fields.get(str(location[-1])) if found and location else None


def _annotation_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Any:
    field = _field_at(model, location)
    return field.annotation if field else None


def _description(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    field = _field_at(model, location)
    return field.description if field and field.description else "see its documentation"


def _choices(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    field = _field_at(model, location)
    return _words(field.annotation) if field else []


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) in {Union, UnionType}:
        return [word for each in get_args(annotation) for word in _words(each)]
    return ["null"] if annotation is NoneType else [str(choice) for choice in get_args(annotation)]

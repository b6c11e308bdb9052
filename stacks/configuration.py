"""Reads a stack's configuration. Nothing else does."""

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast, get_origin

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from modules.core.settings import PROJECT, advice, holds_secret, validated
from modules.core.yaml_files import read_yaml
from stacks.foundation.data_settings import SET_SECRET
from stacks.foundation.stack_settings import STACK_TARGET
from stacks.foundation.targets import DEFAULT_TARGET
from stacks.settings import MODELS, PlatformSettings

FOLDER = REPOSITORY / "stacks"
SECRETS = {name: field for name, field in PlatformSettings.model_fields.items() if holds_secret(field.annotation)}
"""What is encrypted in a stack's file, by its name."""
SECURE = "secure"
"""Only key of what stands for an encrypted value."""
TOP_LEVEL = ("config", "encryptionsalt", "secretsprovider", "encryptedkey")
"""What the engine knows in a stack's file; it passes over anything else in silence."""


def load(stack: str, folder: Path = FOLDER) -> PlatformSettings:
    """The settings of a stack from its file, as the program would get them, without running it."""
    config, source = _read(stack, folder)
    return parse(config, source=source)


def require_encrypted(stack: str, folder: Path = FOLDER) -> None:
    """Raise UserError where a secret stands in a stack's file in plain text. Such a file can be read, so that the
    commands work by which it is set; nothing is made from it."""
    config, source = _read(stack, folder)
    refuse_plain(config, source=source)


def refuse_plain(config: Mapping[str, Any], *, source: str, encrypted: Collection[str] = ()) -> None:
    """Raise UserError for secrets in plain text, without showing them. encrypted: keys whose values were decrypted."""
    if plain := plain_secrets(config, source, encrypted):
        lines = "".join(f"\n  {key}: `{command}`" for key, command in plain.items())
        raise UserError(
            f"{source} has secrets in plain text: whoever reads it knows them. Take them out, and set them in a shell "
            f"of the stack (`scripts/env`), best to new values:{lines}"
        )


def plain_secrets(config: Mapping[str, Any], source: str, encrypted: Collection[str] = ()) -> dict[str, str]:
    """Return the commands that set each secret that is there in plain text, by its key."""
    found: dict[str, str] = {}
    for given, value in config.items():
        namespace, name = _split_key(given, source)
        key = f"{PROJECT}:{name}"
        if namespace != PROJECT or name not in SECRETS or key in encrypted:
            continue
        if get_origin(SECRETS[name].annotation) is not dict:
            found |= {} if _is_encrypted(value) else {key: f"{SET_SECRET} {key}"}
            continue
        values = _json(value)
        named = cast(Mapping[str, Any], values) if isinstance(values, Mapping) else {"NAME": values}
        plain = (f"{key}.{part}" for part, each in named.items() if part != SECURE and not _is_encrypted(each))
        found |= {path: f"{SET_SECRET} --path {path}" for path in plain}
    return found


def _is_encrypted(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and list(cast(Mapping[str, Any], value)) == [SECURE])


def _read(stack: str, folder: Path) -> tuple[Mapping[str, Any], str]:
    """(what the file of a stack configures, the file's name for errors)"""
    path = folder / f"Pulumi.{stack}.yaml"
    source = f"stacks/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(_unknown_stack(stack, folder)) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{source} can't be read: {error}: save it as UTF-8") from error
    content = _mapping(read_yaml(text, source=source), source)
    for key in content:
        if key not in TOP_LEVEL:
            raise UserError(
                f"{source}: {key!r} is at the top level, where nothing reads it: put it below `config:` "
                f"(at the top level: {', '.join(TOP_LEVEL)})"
            )
    return _mapping(content.get("config"), f"{source}: config"), source


def parse(config: Mapping[str, Any], *, source: str) -> PlatformSettings:
    """Settings from configuration keys and values. A group may come as JSON text, as the engine hands it over.

    Keys of other namespaces are other packages' own, unless they look like a misspelt one of ours.
    """
    values: dict[str, Any] = {}
    for key, value in config.items():
        namespace, name = _split_key(key, source)
        if namespace == PROJECT:
            if name in values:
                raise UserError(f"{PROJECT}:{name}: given twice, once as {key!r}: keep one of them ({source})")
            values[name] = _switch(name, _decoded(value))
        elif get_close_matches(namespace, [PROJECT], cutoff=0.7):
            raise UserError(f"{key}: unknown namespace {namespace!r}; did you mean {PROJECT}:{name}? ({source})")
    return validated(_model(values.get("foundation"), source), values, source=source)


def _model(foundation: Any, source: str) -> type[PlatformSettings]:
    """The settings that the foundation's target allows. UserError where there is no such target."""
    group = cast(Mapping[str, Any], foundation) if isinstance(foundation, Mapping) else dict[str, Any]()
    target = group.get("target", STACK_TARGET if "stack" in group else DEFAULT_TARGET)
    if "stack" in group and (own := sorted(group.keys() - {"stack", "quota"} - _said(target))):
        raise UserError(
            f"{PROJECT}:foundation.stack is {group['stack']!r}, but foundation has {', '.join(own)} too, as a "
            f"foundation of its own has: remove these, or foundation.stack; beside it only quota is allowed ({source})"
        )
    if str(target) not in MODELS:
        raise UserError(f"{PROJECT}:foundation.target is {target!r}; {advice(str(target), sorted(MODELS))} ({source})")
    return MODELS[str(target)]


def _said(target: Any) -> set[str]:
    """The key that may say once more that the foundation is another stack's."""
    return {"target"} if target == STACK_TARGET else set()


def stacks(folder: Path = FOLDER) -> list[str]:
    """Names of the stacks that have a file, or an example to make one of."""
    files = [*folder.glob("Pulumi.*.yaml"), *folder.glob("*.example.yaml")]
    return sorted({path.name.removeprefix("Pulumi.").split(".")[0] for path in files})


def _unknown_stack(stack: str, folder: Path) -> str:
    known = stacks(folder)
    if stack in known:
        return f"stack {stack!r} was never brought up from here: run `scripts/up {stack}`"
    close = get_close_matches(stack, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return (
        f"stack {stack!r} is unknown: there is no stacks/Pulumi.{stack}.yaml; {hint}"
        f"existing: {', '.join(known) or 'none'}; write that file to make a new one"
    )


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"{what} is {value!r}: expected a mapping of keys")
    return cast(Mapping[str, Any], value)


def _split_key(key: str, source: str) -> tuple[str, str]:
    """(namespace, name) by the engine's rules: `name`, `namespace:name`, and of old `namespace:config:name`."""
    match key.split(":"):
        case [name]:
            return PROJECT, name
        case [namespace, name] | [namespace, "config", name]:
            return namespace, name
        case _:
            raise UserError(f"{key}: no key of a configuration; write {PROJECT}:NAME ({source})")


def _switch(name: str, value: Any) -> Any:
    """What is on or off by itself, and in no group: the engine hands it over, and writes it, as text."""
    field = PlatformSettings.model_fields.get(name)
    texts = {"true": True, "false": False}
    return texts.get(value, value) if field and field.annotation is bool and isinstance(value, str) else value


def _decoded(value: Any) -> Any:
    return _unwrapped(_json(value))


def _json(value: Any) -> Any:
    """What text stands for that is JSON, as the engine writes and hands over a group."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:  # text that only looks like it: refused where it stands for a group
            return value
    return value


def _unwrapped(value: Any) -> Any:
    """Without the mark of what is encrypted, which only the program needs more of."""
    if not isinstance(value, Mapping):
        return value
    group = cast(Mapping[str, Any], value)
    return group[SECURE] if list(group) == [SECURE] else {key: _unwrapped(each) for key, each in group.items()}

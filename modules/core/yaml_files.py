"""Reads YAML that a person wrote as Pulumi's engine reads it, so that both see the same values.

PyYAML follows YAML 1.1: `no` and `off` are false, `6:40` is 400, and of a key that is there twice the last one wins.
To the engine all these are text, and the second key is an error.
"""

from typing import Any, cast

import yaml

from .errors import UserError

BOOLEAN, INTEGER, FLOAT, MERGE, TEXT = (
    f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "merge", "str")
)


class _Refused(Exception):
    def __init__(self, key: yaml.Node, why: str) -> None:
        super().__init__(f"{_shown(key)} {why}")
        self.line = key.start_mark.line + 1


class _Loader(yaml.CSafeLoader):
    """Refuses a key that is given twice, and one that is no text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        tag = cast(str, super().resolve(kind, value, implicit))
        if tag == BOOLEAN and value.lower() not in {"true", "false"}:
            return TEXT
        return TEXT if tag in {INTEGER, FLOAT} and ":" in value else tag

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            if key.tag != TEXT:
                raise _Refused(key, "is a key, but no text: put it in quotes")
            if key.value in seen:
                raise _Refused(key, "is there twice in one group: keep one of the two")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, *, source: str) -> Any:
    """The document in a text. UserError with the line, where it is no YAML or nothing that the engine would take.

    `source` is the file that a person would correct.
    """
    try:
        return yaml.load(text, _Loader)
    except _Refused as error:
        raise UserError(f"{source}, line {error.line}: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{source} is not YAML: {' '.join(str(error).split())}") from error


def _shown(key: yaml.Node) -> str:
    return repr(key.value) if isinstance(key, yaml.ScalarNode) else "a group of keys"

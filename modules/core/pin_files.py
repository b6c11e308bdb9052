"""YAML files that the commands write and people review: which exact images, models and digests an environment runs."""

import os
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from .errors import UserError

M = TypeVar("M", bound=BaseModel)


def read_pins(path: Path, model: type[M], *, advice: str) -> M | None:
    """Return what a file holds; None where it is not there. Raise UserError, with `advice`, where it holds anything
    else."""
    try:
        document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    except FileNotFoundError:
        return None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({error}): {advice}") from error
    return check_pins(document, model, source=str(path), advice=advice)


def check_pins(document: object, model: type[M], *, source: str, advice: str) -> M:
    """Return a document as the model. Raise UserError with the key path, the value and `advice`, where it is none."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "document"
        raise UserError(f"{source}: {key} is {first['input']!r}: {first['msg']}; {advice}") from error


def write_pins(path: Path, document: object, *, header: str) -> None:
    """Put the whole file in place at once: a reader sees the previous one or this one."""
    replace_text(path, header + yaml.safe_dump(document, sort_keys=False))


def replace_text(path: Path, text: str) -> None:
    """Put a whole text in place at once."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)

"""~/.cache/groundwork/images.json: what this machine brought to its own registries, by what it was made from.

An image counts as built only where it is recorded here. Its tag says the same, but proves nothing: whoever has the
sources can compute the tag of the next version, and put something else under it.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from modules.core.errors import UserError
from modules.core.images import Digest
from modules.core.paths import cache_home


class Recorded(BaseModel):
    """One image that this machine built, or took from a cache that it trusts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    """Of its manifest."""
    repository: str
    """In which a registry of this machine got it, such as local/serving. They all share one storage."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    images: dict[Digest, Recorded]


def record_file() -> Path:
    return cache_home() / "images.json"


def read_record() -> dict[str, Recorded]:
    """Return what is recorded, by the digest of the inputs. Raise UserError for a file that is not one of ours."""
    path = record_file()
    try:
        return _File.model_validate_json(path.read_bytes()).images
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "document"
        raise UserError(f"{path}: {key}: {first['msg']}: remove the file, and the images are built again") from error


def add_to_record(images: Mapping[str, Recorded]) -> None:
    """Record images by the digest of their inputs, in place of what was recorded for the same inputs."""
    if not images:
        return
    path = record_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _File(images={**read_record(), **images})
        unfinished = path.with_name(f".{path.name}")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(known.model_dump(), file, indent=1, sort_keys=True)
        unfinished.replace(path)

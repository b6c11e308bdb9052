"""A person's own kubeconfig: how a cluster that somebody else runs is reached. It is read, and never written."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from modules.core.errors import UserError
from modules.core.settings import advice
from modules.core.yaml_files import read_yaml
from scripts.cli import shell
from stacks.foundation.existing_settings import ExistingSettings

KEY = "groundwork:foundation"


def files(given: ExistingSettings) -> list[Path]:
    """Return the files that say how the cluster is reached, the first to say something first."""
    if given.kubeconfig is not None:
        return [Path(given.kubeconfig).expanduser()]
    variable = shell.given.get("KUBECONFIG", os.environ.get("KUBECONFIG", ""))
    named = [Path(each) for each in variable.split(os.pathsep) if each]
    return named or [Path.home() / ".kube/config"]


def check_context(given: ExistingSettings) -> None:
    """Raise UserError where none of the files has the context."""
    paths = files(given)
    known = sorted({name for path in paths if path.exists() for name in contexts(path)})
    if given.context in known:
        return
    where = ", ".join(f"{path}" if path.exists() else f"{path}, which is not there" for path in paths)
    raise UserError(
        f"{KEY}.context is {given.context!r}: there is no such context in {where}; {advice(given.context, known)}. "
        f"Another file is named by KUBECONFIG, or by {KEY}.kubeconfig"
    )


def contexts(path: Path) -> list[str]:
    """Return the names of the contexts in a kubeconfig. UserError where it is none."""
    listed: Sequence[dict[str, Any]] = _document(path).get("contexts") or []
    return [str(each["name"]) for each in listed]


def _document(path: Path) -> dict[str, Any]:
    try:
        document: Any = read_yaml(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as a kubeconfig: {error}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path}: not a kubeconfig: expected a mapping with clusters, users and contexts")
    return cast(dict[str, Any], document)


def asks_program(given: ExistingSettings) -> bool:
    """Return whether the context's user gets its token from a program, as clouds have it, by their own variables."""
    return "exec" in current_user(os.pathsep.join(map(str, files(given))), given.context)


def current_user(variable: str, context: str) -> Mapping[str, Any]:
    """Return how a context logs in, from the files that a KUBECONFIG lists; empty where they don't say."""
    documents = [_document(Path(each)) for each in variable.split(os.pathsep) if Path(each).exists()]

    def first(kind: str, name: str | None) -> Mapping[str, Any]:
        for document in documents:
            listed: Sequence[dict[str, Any]] = document.get(kind) or []
            for each in listed:
                if each["name"] == name:
                    return each.get(kind.removesuffix("s")) or {}
        return {}

    return first("users", first("contexts", context).get("user"))


def write_choice(path: Path, context: str) -> None:
    """Write a kubeconfig that chooses a context of the files behind it in KUBECONFIG, and holds nothing else."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": context}) + "\n")
    unfinished.replace(path)

"""A cluster's kubeconfig in a file that a person names. Nothing of theirs is ever overwritten."""

from pathlib import Path
from typing import Any

import yaml

from modules.core.errors import UserError


def check(path: Path, context: str) -> None:
    """UserError where a file can't be made there, or is another one than this cluster's."""
    if not path.absolute().parent.is_dir():
        raise UserError(f"--kubeconfig: {path}: there is no folder {path.absolute().parent}: make it first")
    if path.is_dir():
        raise UserError(f"--kubeconfig: {path} is a folder: name a file")
    if path.exists() and not _is_of(path, context):
        raise UserError(
            f"--kubeconfig: {path} exists and is not the kubeconfig of {context}: name a new file. "
            "KUBECONFIG may list several, with colons between them"
        )


def write(path: Path, kubeconfig: Path) -> None:
    """Copy a kubeconfig; only its owner may read it."""
    from embedded.cluster.certificates import write_private  # X.509, which no other command needs at its start

    write_private(path, kubeconfig.read_bytes())


def _is_of(path: Path, context: str) -> bool:
    """Whether a file is what `write` made for a cluster: it has this one context, cluster and user."""
    try:
        document: Any = yaml.safe_load(path.read_text())
        return all([entry["name"] for entry in document[key]] == [context] for key in ("clusters", "contexts", "users"))
    except (UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError):
        return False

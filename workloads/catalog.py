"""Which workloads this repository holds: each folder here with a workload.yaml."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from modules.core.errors import UserError
from modules.core.settings import validated
from modules.core.yaml_files import read_yaml
from workloads.settings import Workload

FOLDER = Path(__file__).resolve().parent


def known(folder: Path = FOLDER) -> list[str]:
    """Names of the workloads, sorted."""
    return sorted(path.parent.name for path in folder.glob("*/workload.yaml"))


def load(name: str, folder: Path = FOLDER) -> Workload:
    """A workload by name. Raises UserError for an unknown one, and for a workload.yaml that says something wrong."""
    names = known(folder)
    if name not in names:
        close = get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UserError(f"workload {name!r} is unknown; known: {', '.join(names) or 'none'}.{hint}")
    source = f"workloads/{name}/workload.yaml"
    content: Any = read_yaml((folder / name / "workload.yaml").read_text(), source=source)
    if not isinstance(content, dict):
        raise UserError(f"{source} holds {type(content).__name__}, expected a mapping with the keys of a workload")
    workload = validated(Workload, content, source=source, prefix="")  # pyright: ignore[reportUnknownArgumentType]
    if workload.name != name:
        raise UserError(f"name is {workload.name!r}, but the folder is {name!r}: make them the same ({source})")
    return workload

"""Which release of an SDK is installed: the engine asks each plugin, at each start."""

import sys
from pathlib import Path


def release(package: str) -> str:
    """By the name of the folder that records a package's installation. importlib.metadata would give the same after it
    has imported what reads mail and archives, a fifth of a plugin's start. LookupError where it is not installed."""
    for folder in map(Path, sys.path):
        for record in folder.glob(f"{package}-*.dist-info"):
            return record.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    raise LookupError(f"package {package} is not installed for {sys.executable}: no {package}-*.dist-info on its path")

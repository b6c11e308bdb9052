"""Where Groundwork keeps things on this machine, by the XDG base directory rules."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def cache_home() -> Path:
    """What can be made again: toolchain, image and package caches, keyed by content, shared by all stacks."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundwork"


def data_home(stack: str) -> Path:
    """What a stack owns: its cluster's data, Pulumi state and passphrase. Removed only by `scripts/down`."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "groundwork" / stack

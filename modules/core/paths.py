"""Where Groundwork keeps things on this machine, by the XDG base directory rules."""

import os
import pwd
from pathlib import Path

from .errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def user_home() -> Path:
    """HOME, or where it is not set what the machine knows of the user. UserError where it knows nothing."""
    if given := os.environ.get("HOME"):
        return Path(given)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise UserError(
            f"HOME is not set, and this machine knows no home of user {os.getuid()}: set HOME to a folder for caches "
            "and data"
        ) from error


def cache_home() -> Path:
    """What can be made again: toolchain, image and package caches, keyed by content, shared by all stacks."""
    return _base("XDG_CACHE_HOME", ".cache") / "groundwork"


def config_home() -> Path:
    """What a person keeps: keys. No command removes it."""
    return _base("XDG_CONFIG_HOME", ".config") / "groundwork"


def data_home(stack: str) -> Path:
    """What a stack owns: its cluster's data, Pulumi state and passphrase. Removed only by `scripts/down`."""
    return _base("XDG_DATA_HOME", ".local/share") / "groundwork" / stack


def _base(variable: str, default: str) -> Path:
    """A relative path is none, by the XDG rules: it would be another folder from each place."""
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else user_home() / default

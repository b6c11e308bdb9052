"""Finished binaries and images that another machine has made: what a build asks before it builds."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Artifacts(Protocol):
    """A cache of what was built, shared by machines: content by digest, and names that somebody trusted signed."""

    def find(self, name: str) -> str | None:
        """Return the digest that goes by a name; None where nothing does. Raise UserError for a name that nobody
        trusted has signed."""
        ...

    def fetch(self, digest: str, target: Path) -> bool:
        """Write content to a file once it was found to have this digest; False where the cache has no such content.
        Raise UserError for content of another digest."""
        ...

    def has(self, digest: str) -> bool:
        """Return whether the cache has content of this digest."""
        ...

    def store(self, source: Path) -> str:
        """Put a file's content into the cache; return its digest."""
        ...

    def sign(self, name: str, digest: str) -> None:
        """Let a name stand for content that is in the cache already."""
        ...


OpenCache = Callable[[], Artifacts | None]
"""Opens the cache when something is missing, so that a run that lacks nothing asks nobody; None where there is none."""


def no_cache() -> None:
    """An OpenCache of a machine without a shared cache."""


def artifact_name(kind: str, name: str, key: str) -> str:
    """Return what an artifact for this machine's architecture goes by. key: changes exactly when its inputs do."""
    return f"{kind}/{name}-{key}-{platform.machine()}"

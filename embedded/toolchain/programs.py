"""Programs of the toolchain for the platform's images."""

from collections.abc import Callable
from pathlib import Path

from modules.core.artifacts import OpenCache
from modules.core.images import Program

from . import compiler
from .build import ensure, target_key
from .targets import IMAGE_TARGETS, KARPENTER


def program(name: str) -> Program:
    """Return the program of an image by its name. KeyError where there is none of that name."""
    target = {each.name: each for each in (*IMAGE_TARGETS, KARPENTER)}[name]

    def build(progress: Callable[[str], None], log: Path, open_cache: OpenCache) -> Path:
        return ensure(progress, log, (target,), open_cache) / name

    return Program(key=target_key(target, compiler.RELEASE), version=target.version, build=build)

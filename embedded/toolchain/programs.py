"""Programs of the toolchain for images."""

from collections.abc import Callable
from pathlib import Path

from modules.core.artifacts import OpenCache
from modules.core.images import Program

from . import compiler
from .build import ensure, target_key
from .targets import IMAGE_TARGETS, KARPENTER, TEST_TARGETS


def program(name: str) -> Program:
    """Return one of the programs of images or of tests by its name. KeyError where there is none of that name."""
    target = {each.name: each for each in (*IMAGE_TARGETS, KARPENTER, *TEST_TARGETS)}[name]

    def build(progress: Callable[[str], None], log: Path, open_cache: OpenCache) -> Path:
        return ensure(progress, log, (target,), open_cache) / name

    return Program(key=target_key(target, compiler.RELEASE), version=target.version, build=build)

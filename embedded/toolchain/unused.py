"""Finds what earlier versions left in the toolchain's cache.

Other checkouts and clusters share it: what one of them has used lately, or what runs, stays.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

UNUSED_DAYS = 30
Identity = tuple[int, int]
"""Device and inode of a file: the same in every mount namespace."""


def mark_used(folder: Path) -> None:
    """Let a folder stay for UNUSED_DAYS more."""
    os.utime(folder)


def unused_folders(home: Path, running: set[Identity]) -> list[Path]:
    """Return the folders that nothing has used for UNUSED_DAYS, apart from those whose binaries run, and those that a
    folder of links that stays leads to."""
    limit = time.time() - UNUSED_DAYS * 86_400
    folders = [each for each in home.iterdir() if each.is_dir()]
    old = {each for each in folders if each.stat().st_mtime < limit and not running & _identities(each.iterdir())}
    needed = {link.resolve().parent for each in folders if each not in old for link in each.iterdir()}
    return sorted(old - needed, key=lambda each: not each.name.startswith("bin-"))  # no link leads nowhere meanwhile


def running_programs() -> set[Identity]:
    """Return the executables of all processes of this machine, those of clusters' namespaces too."""
    return _identities(Path("/proc").glob("[0-9]*/exe"))


def _identities(files: Iterable[Path]) -> set[Identity]:
    found: set[Identity] = set()
    for file in files:
        try:
            status = file.stat()
        except OSError:  # a process that ended, a kernel thread, a link to what is gone
            continue
        found.add((status.st_dev, status.st_ino))
    return found

"""Log files that programs append to by themselves, kept from growing without end."""

import os
import shutil
from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024


def keep_bounded(log: Path, most: int = MOST_BYTES) -> None:
    """Moves the content of a log that has grown beyond `most` bytes to NAME.log.1, in place of what was there.

    The writer keeps its file open, in append mode: what it writes in between can be lost.
    """
    if log.exists() and log.stat().st_size > most:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


def last_output(log: Path) -> str:
    """The last line of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return next((line[:600] for line in reversed(text.splitlines()) if line.strip()), "")

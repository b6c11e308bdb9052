"""TCP ports of this machine: who listens on them."""

import socket
from contextlib import suppress
from pathlib import Path

from modules.core.errors import UserError

from .processes import command_of, name_of

LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


def ensure_free(key: str, port: int) -> None:
    """Refuses a port of 127.0.0.1 that is taken. `key` is the path of its setting."""
    if is_free(port):
        return
    who = holder(port)
    raise UserError(
        f"{key}: {port} on 127.0.0.1 is in use by {who or 'another process'}: "
        "set another port, 1024 to 65535, or end that process"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str | None:
    """Name and number of the process that listens on a port, None where it can't be seen."""
    inodes = listening(Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text(), port)
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and wanted & _open_files(process):
            return f"{name_of(command_of(int(process.name)) or ['?'])} (process {process.name})"
    return None


def listening(table: str, port: int) -> set[str]:
    """Socket inodes that listen on a port, of the text of /proc/net/tcp."""
    rows = [line.split() for line in table.splitlines()]
    return {row[9] for row in rows if len(row) > 9 and row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port}


def _open_files(process: Path) -> set[str]:
    found: set[str] = set()
    with suppress(OSError):  # ended meanwhile, or another user's
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found.add(str(file.readlink()))
    return found

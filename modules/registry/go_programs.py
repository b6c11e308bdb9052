"""What a program that Go compiled says it was built of, as `go version -m` prints it."""

import re
from dataclasses import dataclass

MAGIC = b"\xff Go buildinf:"
ALIGNMENT = 16
HEADER = 32
INLINE = 2
"""Bit of the header's flags: the two strings follow it, as since Go 1.18."""
FRAME = 16
"""Bytes before and after the list of modules, by which a running program finds it."""
MODULE = re.compile(r"^(?:dep|=>)\t(?P<name>\S+)\t(?P<version>\S+)", re.MULTILINE)
FOLDER = re.compile(r"^=>\t\.\S*\t.*\n?", re.MULTILINE)
"""A folder in the place of a module, of which it is a changed copy: it has no name or version of its own."""
REPLACED = re.compile(r"^dep\t\S+\t\S+.*\n(?==>)", re.MULTILINE)
"""A module in the place of which another one was compiled: it is not in the program."""


@dataclass(frozen=True, kw_only=True)
class GoBuild:
    """What a program was built of, by its own statement."""

    go: str
    """Release of Go, such as 1.27.3."""
    name: str
    """Module of its main package."""
    version: str
    """Of that module; (devel) where it was built from a folder."""
    revision: str | None
    """Commit of a version control system, where the compiler saw one."""
    modules: tuple[tuple[str, str], ...]
    """Name and version of the modules that were compiled into it."""


def read_build(content: bytes) -> GoBuild | None:
    """Return what a program says it was built of; None where Go did not compile it."""
    at = content.find(MAGIC)
    while at >= 0:
        # A program that reads such statements has the magic as a text too.
        if at % ALIGNMENT == 0 and content[at + 15 : at + 16] == bytes([INLINE]):
            version, end = _string(content, at + HEADER)
            if version.startswith(b"go"):
                listed, _ = _string(content, end)
                return parse(version.decode(), listed[FRAME:-FRAME].decode())
        at = content.find(MAGIC, at + 1)
    return None


def parse(version: str, text: str) -> GoBuild | None:
    """Return a program's statement from its two strings; None for a program that names no module."""
    main = re.search(r"^mod\t(\S+)\t(\S+)", text, re.MULTILINE)
    if main is None:
        return None
    revision = re.search(r"^build\tvcs\.revision=(\S+)", text, re.MULTILINE)
    return GoBuild(
        go=version.split(maxsplit=1)[0].removeprefix("go"),
        name=main.group(1),
        version=main.group(2),
        revision=revision.group(1) if revision else None,
        modules=tuple(MODULE.findall(REPLACED.sub("", FOLDER.sub("", text)))),
    )


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    """A string with its length before it, seven bits a byte; and where it ends."""
    length = shift = 0
    while True:
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return content[at : at + length], at + length

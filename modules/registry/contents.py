"""What is in an image, read from its layers: packages of Debian and Python, programs that Go compiled."""

import hashlib
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path

from .go_programs import GoBuild, read_build

STATUS = "var/lib/dpkg/status"
"""Where a Debian image says what is installed in it."""
METADATA = re.compile(r"(?:.*/)?site-packages/[^/]+\.dist-info/METADATA")
"""Where a Python package says what it is. Those that come as packages of Debian are in dist-packages."""
LIBRARY = re.compile(r".*\.so(\.\d+)*$")
ELF = b"\x7fELF"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program for this machine's kernel."""

    sha256: str
    build: GoBuild | None
    """None where Go did not compile it."""


@dataclass(kw_only=True)
class Contents:
    """What is in an image, or in one layer of it."""

    debian: str | None = None
    """What dpkg says is installed; None where there is no dpkg."""
    python: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Name and version of each Python package."""
    programs: dict[str, Program] = field(default_factory=dict[str, Program])
    """By path, apart from shared libraries."""


def read_layer(path: Path) -> Contents:
    """Return what is in a layer, a file of tar and gzip."""
    found = Contents()
    with tarfile.open(path, "r|gz") as layer:
        for member in layer:
            name = member.name.removeprefix("./")
            if not member.isfile() or not (file := layer.extractfile(member)):
                continue
            if name == STATUS:
                found.debian = file.read().decode()
            elif METADATA.fullmatch(name):
                header = BytesHeaderParser().parsebytes(file.read())
                found.python.add((str(header["Name"]), str(header["Version"])))
            elif member.mode & 0o111 and not LIBRARY.match(name) and file.read(len(ELF)) == ELF:
                content = ELF + file.read()
                sha256 = hashlib.sha256(content).hexdigest()
                found.programs[name] = Program(sha256=sha256, build=read_build(content))
    return found


def join(layers: Iterable[Contents]) -> Contents:
    """Return what is in an image of these layers, the lowest first. No layer of ours removes a package of Python or a
    program of those below."""
    found = Contents()
    for layer in layers:
        found.debian = found.debian if layer.debian is None else layer.debian
        found.python |= layer.python
        found.programs |= layer.programs
    return found

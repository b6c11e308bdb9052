"""As which user the pods of a stack on the embedded cluster run: a number of the stack's own, since this machine knows
the processes of pods by it, and its user of that number could read what they hold."""

import grp
import hashlib
import pwd
from collections.abc import Callable, Iterable
from pathlib import Path

from modules.core.contracts import IMAGE_USER
from modules.core.errors import UserError
from modules.core.paths import data_home
from stacks.foundation.settings import EmbeddedSettings, FoundationSettings

FIRST, COUNT = 2_010_000_000, 100_000_000
"""Above what systemd (containers up to 1,879,048,191) and SSSD (up to 2,000,200,000) give away, below systemd's foreign
users (from 2,147,352,576), and in what Kubernetes allows (up to 2,147,483,647)."""
SUBORDINATE = (Path("/etc/subuid"), Path("/etc/subgid"))


def record_of(stack: str) -> Path:
    """Return the file with a stack's number. A stack that was brought up before there were such has none, and keeps
    IMAGE_USER: its volumes are of that user."""
    return data_home(stack) / "pods-user"


def user_of(stack: str, foundation: FoundationSettings) -> int | None:
    """Return the user of a stack's pods: the settings', or else, on the embedded cluster, the stack's own."""
    record = record_of(stack)
    if "user" in foundation.pods.model_fields_set or not isinstance(foundation, EmbeddedSettings):
        return foundation.pods.user
    return int(record.read_text()) if record.exists() else IMAGE_USER


def taken_here(number: int) -> bool:
    """Return whether a user or group of this machine has a number, may use it in containers, or another stack has."""
    others = (int(record.read_text()) for record in record_of("any").parent.parent.glob(f"*/{record_of('any').name}"))
    return _known(number) or number in others or any(number in each for each in _subordinate(SUBORDINATE))


def choose(stack: str, taken: Callable[[int], bool] = taken_here) -> int:
    """Return a number that follows from the stack's name, and is the next one where somebody has it."""
    start = int.from_bytes(hashlib.sha256(stack.encode()).digest()[:8], "big")
    for step in range(COUNT):
        number = FIRST + (start + step) % COUNT
        if not taken(number):
            return number
    raise UserError(f"users: all of {FIRST} to {FIRST + COUNT - 1} are taken: set groundwork:foundation.pods.user")


def _known(number: int) -> bool:
    for find in (pwd.getpwuid, grp.getgrgid):
        try:
            find(number)
        except KeyError:
            continue
        return True
    return False


def _subordinate(files: Iterable[Path]) -> Iterable[range]:
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else ():
            _, _, rest = line.partition(":")
            first, _, count = rest.partition(":")
            if first.isdecimal() and count.isdecimal():
                yield range(int(first), int(first) + int(count))

"""How well a cloud's data and services are kept: one setting, and all that follows from it."""

from dataclasses import dataclass, replace
from typing import Literal

Protection = Literal["disposable", "removable", "full"]


@dataclass(frozen=True, kw_only=True)
class Safeguards:
    """What every module does for its resources' sake."""

    deletion_protection: bool
    """The cloud refuses to delete what holds data, until this is off."""
    emptied: bool
    """Buckets and repositories are emptied when they are deleted; others are deleted only when they are empty."""
    final_snapshot: bool
    """A database that is deleted leaves a snapshot with the key that reads it, and its backups."""
    several_zones: bool
    """A database outlives the loss of its zone."""
    backup_days: int
    """Days back to which a database can be restored."""
    log_days: Literal[30, 365]
    """Days that logs are kept."""
    key_days: Literal[7, 30]
    """Days between the deletion of a key and its end, in which it can be restored: the least and the most of KMS."""


_FULL = Safeguards(
    deletion_protection=True,
    emptied=False,
    final_snapshot=True,
    several_zones=True,
    backup_days=14,
    log_days=365,
    key_days=30,
)
_BY_PROTECTION: dict[Protection, Safeguards] = {
    "disposable": Safeguards(
        deletion_protection=False,
        emptied=True,
        final_snapshot=False,
        several_zones=False,
        backup_days=1,
        log_days=30,
        key_days=7,
    ),
    # On the way out: with what is disposable no snapshot would be left, and from what is fully protected none is taken.
    "removable": replace(_FULL, deletion_protection=False),
    "full": _FULL,
}


def safeguards(protection: Protection) -> Safeguards:
    """Return what follows from the setting."""
    return _BY_PROTECTION[protection]

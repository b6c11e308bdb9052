"""How well a cloud's data and services are kept: one setting, and all that follows from it."""

from dataclasses import dataclass
from typing import Literal

Protection = Literal["disposable", "full"]


@dataclass(frozen=True, kw_only=True)
class Safeguards:
    """What every module does for its resources' sake."""

    deletion_protection: bool
    """The cloud refuses to delete what holds data, until this is off."""
    final_snapshot: bool
    """A database that is deleted leaves a snapshot, and its backups."""
    several_zones: bool
    """A database outlives the loss of its zone."""
    backup_days: int
    """Days back to which a database can be restored."""
    log_days: Literal[30, 365]
    """Days that logs are kept."""
    key_days: Literal[7, 30]
    """Days between the deletion of a key and its end, in which it can be restored: the least and the most of KMS."""


_BY_PROTECTION: dict[Protection, Safeguards] = {
    "disposable": Safeguards(
        deletion_protection=False,
        final_snapshot=False,
        several_zones=False,
        backup_days=1,
        log_days=30,
        key_days=7,
    ),
    "full": Safeguards(
        deletion_protection=True,
        final_snapshot=True,
        several_zones=True,
        backup_days=14,
        log_days=365,
        key_days=30,
    ),
}


def safeguards(protection: Protection) -> Safeguards:
    """Return what follows from the setting."""
    return _BY_PROTECTION[protection]

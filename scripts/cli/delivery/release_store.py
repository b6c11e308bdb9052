"""The release of one workload as stacks/releases.<stack>.yaml pins it, changed by compare-and-set."""

from modules.core.releases import Release
from scripts.cli.clients import pins
from scripts.cli.clients.pins import Superseded
from scripts.cli.environment import Environment


class ReleaseStore:
    """Reads and replaces the release of one workload, and notices when another command replaces it."""

    def __init__(self, environment: Environment, workload: str) -> None:
        self.environment = environment
        self.workload = workload
        self.known: Release | None = None
        """What was pinned when this store read or wrote it last."""

    def read(self) -> Release | None:
        """Return what is pinned now; None where nothing is."""
        self.known = self._pinned()
        return self.known

    def replace(self, release: Release) -> None:
        """Pin a release. Raise Superseded, and write nothing, where something else than the known one is pinned."""
        pins.replace(self.environment.stack, self.workload, self.known, release)
        self.known = release

    def require_unchanged(self) -> None:
        """Raise Superseded where something else than the known release is pinned."""
        if self._pinned() != self.known:
            raise Superseded("another command released while a version was tried")

    def _pinned(self) -> Release | None:
        return pins.released(self.environment).get(self.workload)

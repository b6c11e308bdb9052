"""What holds for every test of the commands."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_state_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stack named as the tests' may run here: neither its state nor its logs are a test's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

import os
import pwd
from pathlib import Path

import pytest

from modules.core.paths import cache_home, data_home


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_caches_and_data_lie_below_the_home_or_where_xdg_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_home() == Path("/home/someone/.cache/groundwork")
    assert data_home("local") == Path("/home/someone/.local/share/groundwork/local")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert cache_home() == Path("/caches/groundwork")
    assert data_home("local") == Path("/data/groundwork/local")


def test_a_relative_path_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    assert cache_home() == Path("/home/someone/.cache/groundwork")


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_home_the_machine_is_asked(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    if given is not None:
        monkeypatch.setenv("HOME", given)
    assert cache_home() == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache/groundwork"

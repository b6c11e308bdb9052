from pathlib import Path

import pytest

from modules.core.errors import UserError
from scripts.cli import host
from scripts.cli.host import Policy


def test_programs_that_are_there_need_no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "NEEDED", {"sh": "dash", "no-such-program": "something"})
    monkeypatch.setattr(host, "cni_folder", lambda: tmp_path)
    assert host.missing_packages() == ["something"]
    monkeypatch.setattr(host, "cni_folder", lambda: None)
    assert host.missing_packages() == ["containernetworking-plugins", "something"]


def test_without_root_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "NEEDED", {"no-such-program": "something"})
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match="something missing and this is not root"):
        host.ensure_packages(lambda _: None, tmp_path / "log")


def test_without_apt_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "NEEDED", {"no-such-program": "something"})
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"something missing.*your own way"):
        host.ensure_packages(lambda _: None, tmp_path / "log")


def test_packages_start_no_service_and_a_policy_of_the_machine_stays(tmp_path: Path) -> None:
    path = tmp_path / "policy-rc.d"
    with Policy(path):
        assert "exit 101" in path.read_text()
        assert path.stat().st_mode & 0o111
    assert not path.exists()
    path.write_text("a person's own\n")
    with Policy(path):
        assert path.read_text() == "a person's own\n"
    assert path.read_text() == "a person's own\n"

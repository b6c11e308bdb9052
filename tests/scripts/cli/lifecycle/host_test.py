import subprocess
import sys
import time
from pathlib import Path

import pytest

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from scripts.cli.lifecycle import host
from scripts.cli.lifecycle.host import POLICY_RC_D, ServiceStartBlocked
from tests.scripts.cli.fakes import always

MISSING = {"no-such-program": "something"}


def test_programs_that_are_there_need_no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needed = {"sh": "dash", **MISSING}
    monkeypatch.setattr(host, "cni_folder", lambda: tmp_path)
    assert host.missing_packages(needed) == ["something"]
    monkeypatch.setattr(host, "cni_folder", lambda: None)
    assert host.missing_packages(needed) == ["containernetworking-plugins", "something"]


def test_without_root_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match="something missing and this is not root"):
        host.ensure_packages(lambda _: None, tmp_path / "log", MISSING)


def test_without_apt_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"something missing.*your own way"):
        host.ensure_packages(lambda _: None, tmp_path / "log", MISSING)


def apt_get(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An apt-get of the test's own, which counts its calls in a file beside it."""
    program = folder / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$3" >> {folder}/calls\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setattr(host, "cni_folder", lambda: folder)
    monkeypatch.setattr(host, "ServiceStartBlocked", lambda: ServiceStartBlocked(folder / "policy-rc.d"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("time.sleep", always(None))
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def program_of(folder: Path) -> dict[str, str]:
    return {f"program-of-{folder.name}": "something"}


def test_another_package_manager_at_work_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    locked = f'[ "$(wc -l < {tmp_path}/calls)" -gt 2 ] || {{ echo "E: Could not get lock /x" >&2; exit 100; }}'
    installed = f'[ "$3" = update ] || touch {tmp_path}/program-of-{tmp_path.name}'
    made = f"chmod +x {tmp_path}/program-of-* 2>/dev/null; exit 0"
    apt_get(tmp_path, "\n".join([locked, installed, made]), monkeypatch)
    reported: list[str] = []
    host.ensure_packages(reported.append, tmp_path / "log", program_of(tmp_path))
    assert (tmp_path / "calls").read_text().split() == ["update", "update", "update", "install"]
    assert reported[1:] == ["another package manager is at work: waiting for it"] * 2
    assert "Could not get lock" in (tmp_path / "log").read_text()


def test_what_apt_can_not_do_is_an_error_at_once_with_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_get(tmp_path, 'echo "E: Unable to locate package" >&2; exit 100', monkeypatch)
    with pytest.raises(UserError, match=rf"update` failed \(exit code 100\): see {tmp_path}/log"):
        host.ensure_packages(lambda _: None, tmp_path / "log", program_of(tmp_path))
    assert (tmp_path / "calls").read_text().split() == ["update"]


def test_packages_start_no_service_and_a_policy_of_the_machine_stays(tmp_path: Path) -> None:
    path = tmp_path / "policy-rc.d"
    with ServiceStartBlocked(path):
        assert "exit 101" in path.read_text()
        assert path.stat().st_mode & 0o111
    assert not path.exists()
    path.write_text("a person's own\n")
    with ServiceStartBlocked(path):
        assert path.read_text() == "a person's own\n"
    assert path.read_text() == "a person's own\n"


def test_a_policy_that_a_lost_machine_left_is_not_taken_for_its_own(tmp_path: Path) -> None:
    path = tmp_path / "policy-rc.d"
    path.write_text(POLICY_RC_D)
    with ServiceStartBlocked(path):
        assert path.exists()
    assert not path.exists()


LEAVING = """
import os, subprocess, sys
from pathlib import Path
from scripts.cli.lifecycle.host import ServiceStartBlocked
with ServiceStartBlocked(Path(sys.argv[1])) as blocked:
    subprocess.Popen(["sh", "-c", f"until [ -e {sys.argv[2]} ]; do sleep 0.05; done"], pass_fds=(blocked.handle,))
    os._exit(130)
"""
"""A command that is left at once while a package manager is at work, which ends once a file is there."""


def test_a_command_that_is_left_at_once_leaves_no_policy_once_the_package_manager_has_ended(tmp_path: Path) -> None:
    path, end = tmp_path / "policy-rc.d", tmp_path / "end"
    subprocess.run([sys.executable, "-c", LEAVING, path, end], cwd=REPOSITORY, check=False)
    time.sleep(0.2)
    assert path.exists()  # what is still being installed starts nothing
    end.touch()
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not path.exists()

"""Root does not run what another user may change: tried on a copy of the file that every command begins with."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY

SOMEBODY = 20001
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python environment is this one's, and which is root's alone."""
    tmp_path.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "cache").mkdir()
    for name in ("scripts/bootstrap", "uv.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    return tmp_path


def started(checkout: Path, **variables: str) -> str:
    """What is printed by a command there that gets as far as its own first line."""
    command = ["bash", "-c", ". scripts/bootstrap; echo runs"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUDO_", "GROUNDWORK_"))}
    done = subprocess.run(command, cwd=checkout, env={**kept, **variables}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def give(path: Path) -> None:
    os.chown(path, SOMEBODY, SOMEBODY)


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def open_to_a_group(path: Path) -> None:
    os.chown(path, 0, SOMEBODY)
    path.chmod(0o664)


def test_what_is_roots_alone_runs(checkout: Path) -> None:
    assert started(checkout) == "runs\n"


def test_what_is_not_there_yet_is_nobodys(checkout: Path) -> None:
    (checkout / "scripts/first").write_text((checkout / "scripts/bootstrap").read_text().split("\nfind_python()")[0])
    (checkout / ".venv").unlink()
    command = ["bash", "-c", ". scripts/first; echo runs"]
    variables = {**os.environ, "XDG_CACHE_HOME": str(checkout / "none")}
    done = subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("runs\n", "")


@pytest.mark.parametrize("change", [give, open_to_all, open_to_a_group])
@pytest.mark.parametrize("name", ["scripts/bootstrap", "uv.lock"])
def test_a_file_that_another_user_may_change_is_refused_with_what_to_do(
    checkout: Path, name: str, change: Callable[[Path], None]
) -> None:
    change(checkout / name)
    refused = started(checkout)
    assert refused.startswith(f"{checkout / name}: ")
    assert "chown -R root:root" in refused
    assert "GROUNDWORK_OWNER" in refused


def test_what_nobody_else_gets_to_may_be_of_anybody(checkout: Path) -> None:
    give(checkout / "scripts/bootstrap")
    assert "another user may change it" in started(checkout)
    (checkout / "scripts").chmod(0o700)
    assert started(checkout) == "runs\n"


def test_a_cache_of_another_user_is_refused(checkout: Path) -> None:
    (checkout / "cache/groundwork").mkdir()
    give(checkout / "cache/groundwork")
    assert started(checkout, XDG_CACHE_HOME=str(checkout / "cache")).startswith(f"{checkout}/cache/groundwork: ")


@pytest.mark.parametrize("variable", ["SUDO_UID", "GROUNDWORK_OWNER"])
def test_who_called_sudo_and_who_is_trusted_by_name_may_own_the_files(checkout: Path, variable: str) -> None:
    give(checkout / "uv.lock")
    assert started(checkout, **{variable: str(SOMEBODY)}) == "runs\n"
    assert "another user may change it" in started(checkout, **{variable: str(SOMEBODY + 1)})
    assert "another user may change it" in started(checkout, **{variable: f"0 -o -uid {SOMEBODY}"})

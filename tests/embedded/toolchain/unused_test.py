import os
import sys
import time
from pathlib import Path

import pytest

from embedded.toolchain import build
from embedded.toolchain.compiler import RELEASE
from embedded.toolchain.targets import BuildTarget
from embedded.toolchain.unused import UNUSED_DAYS, running_programs, unused_folders
from tests.processes import running

PAUSE = BuildTarget(name="pause")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(build, "toolchain_home", lambda: tmp_path)
    return tmp_path


def binary(home: Path, folder: str) -> Path:
    """A program that was built long ago."""
    file = home / folder / folder.partition("-")[0]
    file.parent.mkdir()
    file.write_text(folder)
    return aged(file.parent) / file.name


def tools(home: Path, folder: str, *binaries: Path) -> Path:
    """A folder of links to programs, which was used long ago."""
    (home / folder).mkdir()
    for each in binaries:
        (home / folder / each.name).symlink_to(each)
    return aged(home / folder)


def aged(folder: Path) -> Path:
    then = time.time() - (UNUSED_DAYS + 1) * 86_400
    os.utime(folder, (then, then))
    return folder


def tidied(home: Path) -> tuple[set[str], list[str]]:
    """What is left, and what was reported."""
    reported: list[str] = []
    build.tidy(reported.append)
    return {path.name for path in home.iterdir() if path.is_dir()}, reported


def test_what_no_version_has_used_lately_is_removed_and_named(home: Path) -> None:
    shared = binary(home, "pause-1")
    tools(home, "bin-old", shared, binary(home, "kwok-1"))
    os.utime(tools(home, "bin-new", shared, binary(home, "kwok-2")))
    aged(binary(home, "go-1.26.0").parent)
    left, reported = tidied(home)
    assert left == {"bin-new", "pause-1", "kwok-2"}
    assert [line.split(",")[0] for line in sorted(reported)] == [
        f"removing {name}" for name in ("bin-old", "go-1.26.0", "kwok-1")
    ]
    assert tidied(home) == (left, ["nothing to remove"])


def test_links_go_before_what_they_lead_to(home: Path) -> None:
    tools(home, "bin-old", binary(home, "airflow-1"))
    assert [each.name for each in unused_folders(home, set())] == ["bin-old", "airflow-1"]


def test_tools_that_are_asked_for_stay_with_all_that_they_lead_to(home: Path) -> None:
    folder = f"pause-{build.target_key(PAUSE, RELEASE)}"
    binary(home, folder)
    aged(build.ensure(lambda _: None, home / "log", [PAUSE]))
    assert len(unused_folders(home, set())) == 2
    kept = build.ensure(lambda _: None, home / "log", [PAUSE])
    assert tidied(home)[0] == {kept.name, folder}


def test_what_was_built_for_a_build_that_failed_later_stays_for_the_next_one(home: Path) -> None:
    os.utime(binary(home, "pause-1").parent)
    assert tidied(home)[0] == {"pause-1"}


def test_tools_stay_while_one_of_them_runs(home: Path) -> None:
    program = binary(home, "sleep-1")
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    tools(home, "bin-old", program, binary(home, "kwok-1"))
    with running([program, "60"]):
        left, _ = tidied(home)
    assert left == {"bin-old", "sleep-1", "kwok-1"}
    assert tidied(home)[0] == set()


def test_this_very_process_is_among_those_that_run() -> None:
    status = Path(sys.executable).stat()
    assert (status.st_dev, status.st_ino) in running_programs()

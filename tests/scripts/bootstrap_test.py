"""The commands start on a machine where a person's shell says all sorts of things."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from modules.core.paths import REPOSITORY
from scripts.cli.lifecycle.bundle.wheels import uv_release

LAUNCHER = REPOSITORY / ".venv/bin/groundwork"


def help_of(*command: str, **variables: str) -> str:
    done = subprocess.run(
        [*command, "--help"], env={**os.environ, **variables}, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def another_scripts(tmp_path: Path) -> str:
    """A folder with packages of the names that the command needs."""
    for name in ("scripts", "typer", "modules"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return str(tmp_path)


@pytest.mark.parametrize("command", [str(LAUNCHER), str(REPOSITORY / "scripts/pipeline")])
def test_what_a_person_says_to_python_is_not_for_the_command(command: str, another_scripts: str) -> None:
    assert "Usage: groundwork" in help_of(command, PYTHONPATH=another_scripts, PYTHONHOME="/nowhere")


def test_a_shell_may_look_for_folders_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    relative = "work=$PWD; cd $REPOSITORY && scripts/pipeline"
    assert "Usage: groundwork" in help_of(
        *("bash", "-c", f'{relative} "$@"', "bash"), CDPATH=str(tmp_path), REPOSITORY=str(REPOSITORY)
    )


def test_a_shell_without_a_home_gets_the_users_own() -> None:
    assert "Usage: groundwork" in help_of(
        "env", "-u", "HOME", "-u", "XDG_CACHE_HOME", str(REPOSITORY / "scripts/pipeline")
    )


def test_another_uv_than_the_pinned_one_is_not_installed(tmp_path: Path) -> None:
    version = uv_release()
    metadata = f"uv-{version}.dist-info"
    with zipfile.ZipFile(tmp_path / f"uv-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: uv\nVersion: {version}\n")
        wheel.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"uv-{version}.data/scripts/uv", "#!/bin/sh\necho evil\n")
        wheel.writestr(f"{metadata}/RECORD", "")
    lead = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [str(REPOSITORY / "scripts/pipeline"), "--help"],
        env={**os.environ, **lead},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not list((tmp_path / "cache").rglob("bin/uv"))


@pytest.mark.parametrize(("stack", "clouds"), [("aws-dev", "yes"), ("local", ""), ("--json", "")])
def test_a_stack_on_aws_gets_the_sdk_of_that_cloud_and_no_other_does(stack: str, clouds: str) -> None:
    program = f'. {REPOSITORY}/scripts/bootstrap; echo "${{clouds:-}}"'
    done = subprocess.run(["bash", "-c", program, "up", stack], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == clouds

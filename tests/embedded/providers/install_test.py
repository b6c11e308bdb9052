"""Launchers in a PULUMI_HOME."""

import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from embedded.providers.install import STAND_INS, install, install_emulations, kubernetes_plugin, launchers
from embedded.toolchain.targets import BUILD_TARGETS
from tests.processes import running

PYTHON = Path(sys.executable)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder like the toolchain's: names that lead to the built binaries."""
    built = tmp_path / "built"
    built.write_text("#!/bin/sh\n")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi-kubernetes").symlink_to(built)
    return folder


def test_every_plugin_lies_where_the_engine_looks_with_the_sdks_version(tmp_path: Path, tools: Path) -> None:
    home = tmp_path / "home"
    install(home, PYTHON, tools)
    plugin = home / "plugins" / f"resource-kubernetes-v{version('pulumi-kubernetes')}" / "pulumi-resource-kubernetes"
    assert plugin.resolve() == tmp_path / "built"
    assert os.access(home / "plugins" / f"resource-tls-v{version('pulumi-tls')}" / "pulumi-resource-tls", os.X_OK)
    assert len(list((home / "plugins").iterdir())) == len(STAND_INS) + 1
    assert (home / "logs").is_file()


def test_the_kubernetes_plugin_is_stamped_with_the_release_of_its_sdk() -> None:
    (target,) = (target for target in BUILD_TARGETS if target.name == "pulumi-kubernetes")
    assert f"version.Version={version('pulumi-kubernetes')}" in target.linker_flags().split("-X ")[1]


def test_a_cloud_is_emulated_only_where_that_is_asked_for(tmp_path: Path, tools: Path) -> None:
    home = tmp_path / "home"
    install(home, PYTHON, tools)
    plugin = home / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    assert not plugin.exists()
    install_emulations(home, PYTHON)
    assert os.access(plugin, os.X_OK)


def test_a_second_time_nothing_is_written(tmp_path: Path, tools: Path) -> None:
    home = tmp_path / "home"
    install(home, PYTHON, tools)
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    install(home, PYTHON, tools)
    assert {path: path.lstat().st_mtime_ns for path in home.rglob("*")} == before


def test_another_toolchain_and_another_python_take_the_place_of_the_previous(tmp_path: Path, tools: Path) -> None:
    home = tmp_path / "home"
    install(home, PYTHON, tools)
    newer = tmp_path / "newer"
    (tools / "pulumi-kubernetes").unlink()
    (tools / "pulumi-kubernetes").symlink_to(newer)
    install(home, Path("/opt/an other/python"), tools)
    assert kubernetes_plugin(home).readlink() == newer
    for path, text in launchers(home, Path("/opt/an other/python")).items():
        assert path.read_text() == text
        assert "'/opt/an other/python' -I" in text
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]


STARTS_AND_IS_KILLED = """
import os, signal, subprocess, sys
plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE)
plugin.stdout.readline()
print(plugin.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["resource-random", "resource-tls", "language-python"])
def test_a_plugin_ends_with_an_engine_that_is_killed(tmp_path: Path, tools: Path, name: str) -> None:
    install(tmp_path, PYTHON, tools)
    launcher = next(path for path in launchers(tmp_path, PYTHON) if path.name == f"pulumi-{name}")
    engine = subprocess.run([PYTHON, "-c", STARTS_AND_IS_KILLED, launcher], stdout=subprocess.PIPE, check=False)
    plugin = Path(f"/proc/{int(engine.stdout)}")
    deadline = time.monotonic() + 20
    while plugin.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not plugin.exists()


@pytest.mark.parametrize("name", ["resource-random", "resource-tls", "language-python"])
def test_a_launched_plugin_names_its_port_and_leaves_quietly_when_told(tmp_path: Path, tools: Path, name: str) -> None:
    install(tmp_path, PYTHON, tools)
    launcher = next(path for path in launchers(tmp_path, PYTHON) if path.name == f"pulumi-{name}")
    # A file in the program's folder must not stand in for a module of ours.
    (tmp_path / "random.py").write_text("raise RuntimeError('the wrong module')")
    with running([launcher, "127.0.0.1:1"], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().strip().isdigit()
        process.terminate()
        _, complaints = process.communicate(timeout=10)
        assert process.returncode == 0
        assert complaints == ""

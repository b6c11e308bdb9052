"""Launchers in a PULUMI_HOME."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from embedded.providers.install import PLUGINS, install, launchers

PYTHON = Path(sys.executable)


def test_every_plugin_lies_where_the_engine_looks_with_the_sdks_version(tmp_path: Path) -> None:
    install(tmp_path, PYTHON)
    plugin = tmp_path / "plugins" / f"resource-kubernetes-v{version('pulumi-kubernetes')}"
    assert os.access(plugin / "pulumi-resource-kubernetes", os.X_OK)
    assert len(list((tmp_path / "plugins").iterdir())) == len(PLUGINS)
    assert (tmp_path / "logs").is_file()


def test_a_second_time_nothing_is_written(tmp_path: Path) -> None:
    install(tmp_path, PYTHON)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    install(tmp_path, PYTHON)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_another_python_is_written_whole(tmp_path: Path) -> None:
    install(tmp_path, PYTHON)
    install(tmp_path, Path("/opt/an other/python"))
    for path, text in launchers(tmp_path, Path("/opt/an other/python")).items():
        assert path.read_text() == text
        assert "'/opt/an other/python' -I" in text
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["resource-random", "resource-tls", "resource-kubernetes", "language-python"])
def test_a_launched_plugin_names_its_port_and_leaves_quietly_when_told(tmp_path: Path, name: str) -> None:
    install(tmp_path, PYTHON)
    launcher = next(path for path in launchers(tmp_path, PYTHON) if path.name == f"pulumi-{name}")
    # A file in the program's folder must not stand in for a module of ours.
    (tmp_path / "random.py").write_text("raise RuntimeError('the wrong module')")
    with subprocess.Popen(
        [launcher, "127.0.0.1:1"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline().strip().isdigit()
        process.terminate()
        _, complaints = process.communicate(timeout=10)
        assert process.returncode == 0
        assert complaints == ""

"""Which Python runs a program."""

import os
import sys
from pathlib import Path

import pytest

from embedded.providers.language.interpreter import OptionError, choose, uv_environment


def environment(folder: Path) -> Path:
    """Something that looks like a virtual environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def test_a_virtualenv_is_relative_to_the_project(tmp_path: Path) -> None:
    made = environment(tmp_path / "venv")
    chosen = choose(tmp_path, {"virtualenv": "venv"})
    assert chosen.python == str(made / "bin" / "python")
    assert chosen.environment()["VIRTUAL_ENV"] == str(made)
    assert chosen.environment()["PATH"].split(os.pathsep)[0] == str(made / "bin")


def test_an_absolute_virtualenv_is_taken_as_it_is(tmp_path: Path) -> None:
    made = environment(tmp_path / "elsewhere")
    assert choose(Path("/nowhere"), {"virtualenv": str(made), "toolchain": "uv"}).virtualenv == made


def test_uv_uses_the_environment_beside_the_nearest_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
    project = tmp_path / "stacks" / "one"
    project.mkdir(parents=True)
    assert uv_environment(project) == project / ".venv"
    (tmp_path / "stacks" / "pyproject.toml").touch()
    assert uv_environment(project) == tmp_path / "stacks" / ".venv"
    (tmp_path / "uv.lock").touch()
    assert uv_environment(project) == tmp_path / ".venv"
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "/opt/venv")
    assert uv_environment(project) == Path("/opt/venv")


def test_without_options_the_python_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment(tmp_path / "x")
    (made / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(made / "bin"))
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    chosen = choose(tmp_path, {})
    assert chosen.python == str(made / "bin" / "python3")
    assert chosen.virtualenv is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"virtualenv": "nothing"}, "nothing does not exist; `pulumi install` makes it"),
        ({"toolchain": "uv", "virtualenv": "nothing"}, "`uv sync` makes it"),
        ({"toolchain": "conda"}, "toolchain is 'conda'; allowed are pip, poetry, uv"),
        ({"virtualenv": 3}, "virtualenv is 3; it must be a string"),
        ({"typechecker": "mypy"}, "typechecker is not offered"),
    ],
)
def test_options_that_cannot_be_followed_are_named(tmp_path: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        choose(tmp_path, options)
    assert words in str(caught.value)


def test_a_folder_that_is_no_environment_is_named(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    with pytest.raises(OptionError, match="is not a virtual environment"):
        choose(tmp_path, {"virtualenv": "venv"})

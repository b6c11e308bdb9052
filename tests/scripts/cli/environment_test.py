import os
from pathlib import Path

import pytest

from modules.core.errors import UserError
from scripts.cli import environment as module
from scripts.cli.environment import Environment, official_pulumi, shell_exports, write_once
from stacks.settings import PlatformSettings, load

STACK_FILE = "config:\n  groundwork:storage:\n    local_port: 9333\n"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "Pulumi.mine.yaml").write_text(STACK_FILE)

    def settings(stack: str) -> PlatformSettings:
        return load(stack, tmp_path)

    monkeypatch.setattr(module, "load", settings)
    return Environment("mine")


@pytest.mark.parametrize("name", ["", "Mine", "../mine", "1st", "a" * 21, "mi ne"])
def test_what_can_not_be_a_stack_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="stack: "):
        Environment(name)


def test_a_shell_gets_addresses_and_files_but_no_secret(environment: Environment) -> None:
    environment.prepare()
    variables = environment.variables()
    assert variables["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:9333"
    assert variables["KUBECONFIG"] == str(environment.kubeconfig)
    assert variables["PULUMI_BACKEND_URL"].startswith(f"file://{environment.backend}")
    assert environment.passphrase.read_text() not in shell_exports(variables)


def test_the_passphrase_is_made_once_for_its_owner_alone(environment: Environment) -> None:
    environment.prepare()
    first = environment.passphrase.read_text()
    environment.prepare()
    assert environment.passphrase.read_text() == first
    assert len(first) > 30
    assert environment.passphrase.stat().st_mode & 0o777 == 0o600
    assert environment.home.stat().st_mode & 0o077 == 0


def test_without_an_official_engine_the_stand_ins_have_a_home_of_their_own(environment: Environment) -> None:
    assert official_pulumi() is None
    assert environment.variables()["PULUMI_HOME"] == str(environment.pulumi_home)
    assert "pulumi" in {part.name for part in environment.parts}


def test_an_official_engine_is_used_as_it_is(environment: Environment, tmp_path: Path) -> None:
    for name in ("pulumi", "pulumi-language-python"):
        executable(tmp_path / "bin" / name)
    assert official_pulumi() == tmp_path / "bin" / "pulumi"
    assert "PULUMI_HOME" not in environment.variables()
    assert "pulumi" not in {part.name for part in environment.parts}


def test_a_pulumi_without_its_language_host_is_not_an_official_one(environment: Environment, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "pulumi")
    assert official_pulumi() is None
    assert environment.variables()["PATH"].split(os.pathsep)[0] == str(environment.tools)


def test_exports_are_quoted_for_the_shell() -> None:
    assert shell_exports({"A": "it's $HOME"}) == "export A='it'\"'\"'s $HOME'"


def test_a_secret_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_once(path, "first")
    write_once(path, "second")
    assert path.read_text() == "first"


def executable(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)

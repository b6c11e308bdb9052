import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.aws.process import AccountServer
from embedded.toolchain.targets import IMAGE_TARGETS
from modules.core.errors import UserError
from scripts.cli import environment as module
from scripts.cli import shell
from scripts.cli.environment import CLIENT_TARGETS, Environment, official_pulumi, shell_exports
from stacks.configuration import load
from stacks.foundation.aws_settings import DATABASE_CA
from stacks.settings import PlatformSettings
from tests.scripts.cli.fakes import on_aws, stack

STACK_FILE = "config:\n  groundwork:storage:\n    local_port: 9333\n"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "Pulumi.mine.yaml").write_text(STACK_FILE)

    def settings(stack: str) -> PlatformSettings:
        return load(stack, tmp_path)

    monkeypatch.setattr(module, "load", settings)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    module.tools_folder.cache_clear()
    yield Environment("mine")
    module.tools_folder.cache_clear()


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
    assert "pulumi" in {target.name for target in environment.build_targets}
    assert not [target.name for target in environment.build_targets if target.name.startswith("karpenter")]


def test_an_official_engine_is_used_as_it_is(environment: Environment, tmp_path: Path) -> None:
    for name in ("pulumi", "pulumi-language-python"):
        executable(tmp_path / "bin" / name)
    assert official_pulumi() == tmp_path / "bin" / "pulumi"
    assert "PULUMI_HOME" not in environment.variables()
    assert "pulumi" not in {target.name for target in environment.build_targets}


def test_a_pulumi_without_its_language_host_is_not_an_official_one(environment: Environment, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "pulumi")
    assert official_pulumi() is None
    assert environment.variables()["PATH"].split(os.pathsep)[0] == str(environment.tools)


def test_exports_are_quoted_for_the_shell() -> None:
    assert shell_exports({"A": "it's $HOME"}) == "export A='it'\"'\"'s $HOME'"


def test_a_passphrase_that_is_not_whole_never_lies_at_its_place(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment.prepare()
    assert not environment.passphrase.exists()
    environment.prepare()
    assert len(environment.passphrase.read_text()) > 30


def interrupted(_: int) -> None:
    raise KeyboardInterrupt


def test_an_empty_passphrase_that_encrypted_nothing_is_replaced(environment: Environment) -> None:
    environment.prepare()
    environment.passphrase.write_text("")
    environment.prepare()
    assert len(environment.passphrase.read_text()) > 30


@pytest.mark.parametrize("what", ["state", "settings"])
def test_an_empty_passphrase_of_what_is_encrypted_is_an_error(
    what: str, environment: Environment, tmp_path: Path
) -> None:
    environment.prepare()
    environment.passphrase.write_text("")
    state = environment.backend / ".pulumi/stacks/groundwork/mine.json"
    settings = tmp_path / "Pulumi.mine.yaml"
    if what == "state":
        state.parent.mkdir(parents=True)
        state.write_text("{}")
    else:
        settings.write_text(f"encryptionsalt: v1:x\n{STACK_FILE}")
    encrypted = state if what == "state" else settings
    with pytest.raises(
        UserError, match=f"passphrase is empty, but {encrypted} is encrypted: put its passphrase back there"
    ):
        environment.prepare()
    assert environment.passphrase.read_text() == ""


def test_the_sources_of_the_tools_are_hashed_once_however_often_they_are_asked_for(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hashed: list[object] = []

    def bin_folder(targets: object) -> Path:
        hashed.append(targets)
        return tmp_path

    monkeypatch.setattr(module, "bin_folder", bin_folder)
    (tmp_path / "Pulumi.other.yaml").write_text(STACK_FILE)
    for each in (environment, Environment("mine"), Environment("other")):
        assert each.tools.name == tmp_path.name
    assert len(hashed) == 1


def executable(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_the_engine_runs_for_a_user_without_a_name(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")
    assert "USER" not in environment.variables()
    monkeypatch.delenv("USER")
    assert environment.variables()["USER"] == str(os.getuid())


@pytest.fixture
def on_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(shell, "given", {"AWS_PROFILE": "theirs"})
    return stack(monkeypatch, on_aws())


def test_an_emulated_account_is_reached_by_its_own_keys_and_by_no_variable_of_a_person(
    on_account: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_account.account.mkdir(parents=True)
    monkeypatch.setattr(AccountServer, "address", "http://127.0.0.1:4566")
    found = on_account.process_environment()
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == str(on_account.account / "credentials")
    assert found["PATH"].split(os.pathsep)[0] == str(on_account.account / "bin")
    assert "10.40.0.0/16" in found["NO_PROXY"]
    assert "AWS_PROFILE" not in found
    assert IMAGE_TARGETS[0] in on_account.build_targets


def test_aws_itself_is_reached_by_a_persons_own_variables(on_account: Environment) -> None:
    found = on_account.process_environment()
    assert found["AWS_PROFILE"] == "theirs"
    assert not {"AWS_ENDPOINT_URL", "AWS_SHARED_CREDENTIALS_FILE", DATABASE_CA} & found.keys()
    assert on_account.build_targets == CLIENT_TARGETS

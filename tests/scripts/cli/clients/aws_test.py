"""The account of AWS that a stack is on: its registry, its cluster, and whose keys are used."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import UserError
from scripts.cli import shell
from scripts.cli.clients import aws, kubectl
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import always, on_aws, refused, stack

TOKEN = base64.b64encode(b"AWS:secret").decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = stack(monkeypatch, on_aws())
    found.home.mkdir(parents=True)
    return found


def test_images_are_pushed_where_ecr_says_with_its_login_and_pulled_by_its_names(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"authorizationData": [{"authorizationToken": TOKEN, "proxyEndpoint": "https://127.0.0.1:5000"}]}
    monkeypatch.setattr(aws, "call", always(answer))
    registry, access = aws.registry_of(environment)
    assert registry.push == "127.0.0.1:5000/groundwork-local"
    assert registry.pull == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/groundwork-local"
    assert access.login is not None
    assert (access.login.username, access.login.password, access.own) == ("AWS", "secret", False)
    assert "secret" not in repr(access)
    environment.account.mkdir()
    _, access = aws.registry_of(environment)
    assert (access.own, access.ca) == (True, environment.account / "machine/authority/pki/ca.crt")


def test_a_persons_own_variables_are_used_on_aws_and_are_not_left_behind(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "given", {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "s"})
    asked = aws.Account(environment).client("sts")
    assert asked._request_signer._credentials.access_key == "theirs"
    assert asked.meta.region_name == "eu-west-1"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


def test_without_any_it_is_said_how_to_log_in(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "given", {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})
    assert "no credentials of AWS: set AWS_PROFILE" in refused(lambda: aws.Account(environment).client("sts"))


def test_a_stack_whose_file_is_gone_is_asked_for_in_a_region_by_a_persons_own_variables(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.account.mkdir()
    keys = {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    monkeypatch.setattr(shell, "given", keys)
    asked = aws.Account(environment, "eu-north-1").client("sts")
    assert asked._request_signer._credentials.access_key == "theirs"
    assert (asked.meta.region_name, asked.meta.endpoint_url) == ("eu-north-1", "http://127.0.0.1:1")


def test_what_has_ended_with_an_emulated_account_is_said(environment: Environment) -> None:
    environment.account.mkdir()
    environment.kubeconfig.touch()
    for ask in (lambda: aws.Account(environment).client("sts"), lambda: kubectl.run(environment, "get", "pods")):
        assert refused(ask) == (
            "stack local: its emulated account has ended, with all that was in it: run `scripts/up local --emulated`, "
            "which makes all anew"
        )


@pytest.mark.parametrize(("status", "entered"), [("", False), ("CREATING", False), ("ACTIVE", True)])
def test_how_a_cluster_is_entered_is_written_once_it_is_needed_and_can_be(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, status: str, entered: bool
) -> None:
    found = {"status": status, "endpoint": "https://10.40.0.1:6443", "certificateAuthority": {"data": "Q0E="}}

    def describe(*_: str, name: str) -> dict[str, Any]:
        if not status:
            raise aws.RefusedError(f"ResourceNotFoundException: {name}")
        return {"cluster": found}

    monkeypatch.setattr(aws.Account, "call", describe)
    monkeypatch.setattr(Environment, "process_environment", always({"PATH": ""}))
    with pytest.raises(UserError, match="kubectl is not built" if entered else "its cluster was never started here"):
        kubectl.run(environment, "get", "pods")
    assert environment.kubeconfig.exists() == entered
    if entered:
        assert environment.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert "groundwork-local" in environment.kubeconfig.read_text()

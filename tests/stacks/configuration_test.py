"""Secrets of a stack's file: encrypted, or refused without being shown."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.errors import UserError
from stacks.configuration import parse, refuse_plain, require_encrypted

PLAIN: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"groundwork:github_token": "ghp_plain"}, {"github_token": "groundwork:github_token"}),
    ({"github_token": ["ghp_plain"]}, {"github_token": "groundwork:github_token"}),
    ({"groundwork:storage_secret_key": "ghp_plain"}, {"storage_secret_key": "groundwork:storage_secret_key"}),
    (
        {"groundwork:database_passwords": {"admin": "ghp_plain", "mlflow": {"secure": "v1:encrypted"}}},
        {"database_passwords.admin": "--path groundwork:database_passwords.admin"},
    ),
    (
        {"groundwork:database_passwords": '{"mlflow": "ghp_plain"}'},
        {"database_passwords.mlflow": "--path groundwork:database_passwords.mlflow"},
    ),
]


@pytest.mark.parametrize(("config", "commands"), PLAIN)
def test_a_secret_in_plain_text_is_refused_with_its_command_and_not_shown(
    config: dict[str, Any], commands: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        refuse_plain(config, source="file")
    for key, rest in commands.items():
        assert f"\n  groundwork:{key}: `pulumi config set --secret {rest}`" in str(caught.value)
    assert str(caught.value).count("\n") == len(commands)
    assert "ghp_plain" not in str(caught.value)
    (tmp_path / "Pulumi.one.yaml").write_text(yaml.safe_dump({"config": config}))
    with pytest.raises(UserError, match=r"stacks/Pulumi\.one\.yaml has secrets in plain text"):
        require_encrypted("one", tmp_path)


def test_a_secret_that_is_encrypted_or_was_decrypted_by_the_engine_is_accepted() -> None:
    secure = {"secure": "v1:encrypted"}
    passwords = {"admin": secure}
    encrypted = {"groundwork:github_token": secure, "database_passwords": passwords, "storage_secret_key": None}
    refuse_plain({**encrypted, "groundwork:owner": "plain", "other:github_token": "theirs"}, source="file")
    refuse_plain({"groundwork:github_token": "t"}, source="engine", encrypted=["groundwork:github_token"])


@pytest.mark.parametrize(
    "config",
    [
        {"groundwork:github_token": '["ghp_plain"]'},
        {"groundwork:storage_secret_key": 71_717_171},
        {"groundwork:database_passwords": '{"admin": ["ghp_plain"]}'},
        {"groundwork:database_passwords": "ghp_plain"},
    ],
)
def test_an_ill_typed_secret_is_refused_without_being_shown(config: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        parse(config, source="file")
    assert str(caught.value).startswith(next(iter(config)))
    assert "ghp_plain" not in str(caught.value)
    assert "71717171" not in str(caught.value)


@pytest.mark.parametrize(("handed_over", "read"), [("false", False), ("true", True), (False, False)])
def test_a_switch_is_read_as_the_engine_hands_it_over(handed_over: object, read: bool) -> None:
    assert parse({"groundwork:protect_data": handed_over}, source="engine").protect_data is read


def test_text_that_looks_like_a_switch_stays_text() -> None:
    assert parse({"groundwork:owner": "true"}, source="engine").owner == "true"

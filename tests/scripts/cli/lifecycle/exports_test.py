"""The exports for an object store that somebody else runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.cli.clients import engine
from scripts.cli.lifecycle import exports
from tests.scripts.cli.fakes import always, on_aws, stack
from tests.stacks.foundation.own_data_test import SECRET, STORE, settings


def kubeconfig(folder: Path, user: dict[str, Any]) -> Path:
    document = {
        "contexts": [{"name": "team", "context": {"cluster": "c", "user": "me"}}],
        "users": [{"name": "me", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


def test_they_lead_to_it_with_its_keys_in_a_file_of_the_owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, {"token": "x"})))
    monkeypatch.setattr(engine, "configuration", always({"storage_secret_key": "hidden"}))
    environment = stack(monkeypatch, settings(storage={**STORE, "region": "eu"}, **SECRET))
    environment.home.mkdir(parents=True)
    found = exports.s3_variables(environment)
    assert found["AWS_ENDPOINT_URL_S3"] == "https://s3.example:9000"
    assert (found["AWS_REGION"], found["AWS_CONFIG_FILE"]) == ("eu", "/dev/null")
    assert "hidden" not in str(found)
    keys = Path(found["AWS_SHARED_CREDENTIALS_FILE"])
    assert "aws_access_key_id = AKIA\naws_secret_access_key = hidden" in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_kubeconfig_that_asks_a_clouds_program_keeps_the_persons_own_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, {"exec": {"command": "aws"}})))
    environment = stack(monkeypatch, settings(storage=STORE, **SECRET))
    assert exports.s3_variables(environment) == {}
    assert "the kubeconfig's own program may need your AWS variables" in capsys.readouterr().err


def test_a_store_in_that_cluster_is_reached_by_a_forwarded_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = stack(monkeypatch, settings())
    assert exports.s3_variables(environment) == {}
    assert "`kubectl port-forward -n local-storage service/storage 8333` leads there" in capsys.readouterr().err


def test_on_aws_itself_a_persons_own_keys_stay_and_on_an_emulated_account_they_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    environment = stack(monkeypatch, on_aws())
    theirs = ["AWS_PROFILE", "PULUMI_STACK"]
    assert exports.taking_over(environment, theirs) == ["PULUMI_STACK"]
    assert exports.s3_variables(environment) == {}
    environment.account.mkdir(parents=True)
    assert exports.taking_over(environment, theirs) == theirs

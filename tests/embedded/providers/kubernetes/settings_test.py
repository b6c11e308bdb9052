"""The provider's settings, and the kubeconfigs they lead to."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from embedded.providers.base import ProviderError
from embedded.providers.kubernetes.kubeconfig import load
from embedded.providers.kubernetes.settings import check, diff, parse


def document(server: str = "https://10.0.0.1:6443", **user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [
            {"name": "one", "cluster": {"server": server, "certificate-authority-data": _data("CA")}},
            {"name": "two", "cluster": {"server": "https://10.0.0.2"}},
        ],
        "users": [{"name": "me", "user": user or {"token": "t"}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "one", "user": "me", "namespace": "mine"}},
            {"name": "two", "context": {"cluster": "two", "user": "me"}},
        ],
    }


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(document()))
    return file


def test_a_kubeconfig_may_be_a_path_or_a_text(path: Path) -> None:
    for given in (str(path), path.read_text(), "\n" + path.read_text()):
        access = load(given)
        assert access.server == "https://10.0.0.1:6443"
        assert access.ca == "CA"
        assert access.namespace == "mine"
        assert access.token() == "t"


def test_yaml_is_read_too() -> None:
    import yaml

    assert load(yaml.safe_dump(document())).server == "https://10.0.0.1:6443"


def test_without_one_the_environment_says(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(json.dumps({"clusters": [{"name": "one", "cluster": {"server": "https://never"}}]}))
    monkeypatch.setenv("KUBECONFIG", f"{path}:{other}:/nowhere")
    assert load().server == "https://10.0.0.1:6443"


def test_the_context_is_chosen(path: Path) -> None:
    assert load(str(path), "two").server == "https://10.0.0.2"
    assert load(str(path), "one", "two").server == "https://10.0.0.2"


def test_an_unknown_context_is_named_with_those_there_are(path: Path) -> None:
    with pytest.raises(ProviderError, match=r"no context 'three'; it has one, two"):
        load(str(path), "three")


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(ProviderError, match="there is no file /nowhere/config; set KUBECONFIG"):
        load()


def test_a_text_that_is_no_kubeconfig_is_refused() -> None:
    with pytest.raises(ProviderError, match="neither YAML nor JSON"):
        load("{broken")
    with pytest.raises(ProviderError, match="holds no mapping"):
        load("a\nb")


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "me.crt").write_text("CERT")
    (tmp_path / "me.key").write_text("KEY")
    file = tmp_path / "kubeconfig"
    user = {"client-certificate": "me.crt", "client-key": "me.key"}
    file.write_text(json.dumps(document(**user)))
    access = load(str(file))
    assert (access.certificate, access.key) == ("CERT", "KEY")
    assert "KEY" not in repr(access)


def test_a_credential_plugin_gives_the_token() -> None:
    credential = json.dumps({"status": {"token": "fresh"}})
    command = {"command": "echo", "args": [credential], "apiVersion": "client.authentication.k8s.io/v1"}
    assert load(json.dumps(document(exec=command))).token() == "fresh"


def test_a_credential_plugin_that_fails_is_named() -> None:
    command = {"command": "false", "apiVersion": "client.authentication.k8s.io/v1"}
    with pytest.raises(ProviderError, match="the credential plugin false gave no token"):
        load(json.dumps(document(exec=command))).token()


def test_flags_come_as_json_texts_as_booleans_or_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse({"enableSecretMutable": "true"}).mutable == {"Secret"}
    assert parse({"enableConfigMapMutable": True}).mutable == {"ConfigMap"}
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    assert parse({}).patch_force
    assert not parse({"enablePatchForce": "false"}).patch_force


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"renderYamlToDirectory": "out"}, "renderYamlToDirectory"),
        ({"upsertExistingObjects": "true"}, "upsertExistingObjects"),
        ({"enableServerSideApply": "false"}, "enableServerSideApply"),
    ],
)
def test_a_setting_that_would_change_what_is_done_is_refused(given: dict[str, Any], path: str) -> None:
    assert [failure.property for failure in check(given)[1]] == [path]


@pytest.mark.parametrize(
    ("variable", "value", "path"),
    [
        ("PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", "true", "skipUpdateUnreachable"),
        ("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", "true", "upsertExistingObjects"),
        ("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", "false", "enableServerSideApply"),
        ("PULUMI_K8S_AWAIT_ALL", "true", ""),
    ],
)
def test_so_is_one_that_the_environment_makes(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, path: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert [failure.property for failure in check({})[1]] == [path]


def test_a_kubeconfig_that_repeats_the_environment_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/config")
    assert check({"kubeconfig": "/home/me/config", "context": "c"})[0] == {"context": "c"}
    assert check({"kubeconfig": "/other"})[0] == {"kubeconfig": "/other"}


def test_another_server_replaces_unless_both_name_the_cluster() -> None:
    before, after = {"kubeconfig": json.dumps(document())}, {"kubeconfig": json.dumps(document("https://10.9.9.9"))}
    assert diff(before, after).replaces == ["kubeconfig"]
    same = {"clusterIdentifier": "c"}
    assert diff({**before, **same}, {**after, **same}).replaces == []
    assert diff({**before, **same}, {**after, "clusterIdentifier": "d"}).replaces == ["clusterIdentifier"]


def test_a_new_token_for_the_same_server_replaces_nothing() -> None:
    before, after = document(token="old"), document(token="new")
    found = diff({"kubeconfig": json.dumps(before)}, {"kubeconfig": json.dumps(after)})
    assert list(found.changes) == ["kubeconfig"]
    assert found.replaces == []

"""One program: what it declares on a cluster of somebody else is what it declares on the embedded one, save what the
settings say."""

import io
import json
import re
import tokenize
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from stacks.compose import build
from stacks.configuration import parse
from stacks.foundation.existing_settings import RegistrySettings
from stacks.foundation.registry_login import pull_document
from stacks.foundation.targets import TARGETS
from tests.mocks import Declared, declare

from .conftest import ENVIRONMENT, make_pins
from .layers_test import sources

WORKLOADS: dict[str, Any] = {"groundwork:workloads": {"iris": {}}, "groundwork:jenkins": {"enabled": False}}
EMBEDDED: dict[str, Any] = {"network": "10.80.0.0/16"}
EXISTING: dict[str, Any] = {
    "target": "existing",
    "context": "theirs",
    # The same as the embedded cluster's: an image's address is in documents whose hash names objects.
    "registry": {"push": f"10.80.0.1:5000/{ENVIRONMENT}"},
    "storage_class": "fast",
    "pod_range": "10.244.0.0/16",
}
DIFFERENT = {
    r"kubernetes: (context|clusterIdentifier|kubeconfig)": "which cluster it is",
    r".*-allow-dns: spec\.egress\.0\.to\..*": "which name servers pods ask",
    r".*: spec\.storageClassName": "the class of volumes",
    r".*-server: spec\.volumeClaimTemplates\..*storageClassName": "the class of volumes",
    r".*-service: metadata\.annotations\.groundwork\.dev/local-port": "nothing is published on this machine",
}
"""Pattern of `resource: path` -> what of the settings it comes from."""
ONLY_EMBEDDED = {
    "storage-allow-published": "nothing is published on this machine",
    "gateway-allow-clients": "nobody connects to the gateway from outside of the cluster, where a port is forwarded",
}
NAMES = set(TARGETS) | {"aws", "gcp"}


def declared(foundation: Mapping[str, Any]) -> dict[str, Declared]:
    settings = parse({**WORKLOADS, "groundwork:foundation": foundation}, source="test")
    recorder, _ = declare(lambda: build(settings, ENVIRONMENT))
    return {f"{each.type} {each.name}": each for each in recorder.declared}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Declared], dict[str, Declared]]:
    """What is declared on the embedded cluster, and on somebody else's, by type and name."""
    with pytest.MonkeyPatch.context() as patch:
        make_pins(tmp_path_factory.mktemp("stacks"), patch)
        return declared(EMBEDDED), declared(EXISTING)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every value of a document by its path."""
    if isinstance(value, list):
        value = dict(enumerate(cast(list[Any], value)))
    if not isinstance(value, Mapping):
        return {path: value}
    inner = cast(Mapping[Any, Any], value).items()
    return {key: leaf for name, each in inner for key, leaf in leaves(each, f"{path}.{name}".lstrip(".")).items()}


def test_both_have_the_same_resources(both: tuple[dict[str, Declared], dict[str, Declared]]) -> None:
    embedded, existing = both
    assert existing.keys() - embedded.keys() == set()
    assert {embedded[key].name for key in embedded.keys() - existing.keys()} == ONLY_EMBEDDED.keys()


def test_they_differ_in_what_the_settings_say_and_in_nothing_else(
    both: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    embedded, existing = both
    found: set[str] = set()
    for key in embedded.keys() & existing.keys():
        one, other = leaves(embedded[key].inputs), leaves(existing[key].inputs)
        found |= {
            f"{embedded[key].name}: {path}" for path in one.keys() | other.keys() if one.get(path) != other.get(path)
        }
    unexplained = {each for each in found if not any(re.fullmatch(pattern, each) for pattern in DIFFERENT)}
    assert unexplained == set()
    unused = {pattern for pattern in DIFFERENT if not any(re.fullmatch(pattern, each) for each in found)}
    assert unused == set()


def test_no_module_and_no_workload_names_a_foundation() -> None:
    """In its code: words of comments and documentation are for people, and `existing` is an ordinary one."""
    named = [
        f"{path.relative_to(REPOSITORY)}: {token.string}"
        for path in sources("modules", "workloads")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if (token.type == tokenize.STRING and token.string.strip("\"'frbu") in NAMES)
        or (token.type == tokenize.NAME and token.string == "embedded")
    ]
    assert named == ['modules/airflow/documents.py: "aws"']  # the type of a connection, in Airflow's words


def test_the_registrys_login_arrives_in_every_namespace_and_every_account_pulls_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"auths": {"10.80.0.1:5000": {"auth": b64encode(b"robot:pass").decode()}}}))
    make_pins(tmp_path, monkeypatch)
    with_login = {**EXISTING, "registry": {**EXISTING["registry"], "credentials": str(login)}}
    found = [each for each in declared(with_login).values() if each.is_object]
    secrets = [each for each in found if each.inputs.get("type") == "kubernetes.io/dockerconfigjson"]
    namespaces = {each.inputs["metadata"]["name"] for each in found if each.type.endswith(":Namespace")}
    assert {each.inputs["metadata"]["namespace"] for each in secrets} == namespaces
    assert {each.inputs["metadata"]["name"] for each in secrets} == {"registry-login"}
    (document,) = {b64decode(each.inputs["data"]["value"][".dockerconfigjson"]) for each in secrets}
    assert json.loads(document)["auths"].keys() == {"10.80.0.1:5000"}
    accounts = [each.inputs for each in found if each.type.endswith(":ServiceAccount")]
    assert all(each["imagePullSecrets"] == [{"name": "registry-login"}] for each in accounts)
    assert "robot" not in str([each.inputs for each in found if each not in secrets])


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ("login", "is 'login', but there is no login for 10.80.0.1:5000 in "),
        ("nowhere.json", "is 'nowhere.json': there is no file "),
    ],
)
def test_without_a_login_to_give_nodes_nothing_is_begun(
    credentials: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    make_pins(tmp_path, monkeypatch)
    registry = RegistrySettings(push="10.80.0.1:5000/groundwork", credentials=credentials)
    with pytest.raises(UserError, match=f"^groundwork:foundation.registry.credentials {re.escape(expected)}"):
        pull_document(registry)

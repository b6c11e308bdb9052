import base64
import json
import stat
import tomllib
from dataclasses import replace
from typing import Any

import bcrypt
import pytest
import yaml

from embedded.cluster import ClusterSpec
from embedded.cluster.configuration import CLIENTS, documents, write
from embedded.cluster.layout import Layout
from embedded.cluster.parts import parts


@pytest.fixture
def rendered(spec: ClusterSpec) -> dict[str, str]:
    return documents(spec)


def test_every_document_is_of_its_format(rendered: dict[str, str]) -> None:
    for name, text in rendered.items():
        if name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yaml", ".kubeconfig", ".conflist")):
            assert list(yaml.safe_load_all(text))


def test_nothing_is_left_unfilled(rendered: dict[str, str]) -> None:
    for name, text in rendered.items():
        assert name == "kwok-stages.yaml" or "$" not in text


def test_the_kubelet_lets_nobody_in_without_asking_the_api_server(rendered: dict[str, str]) -> None:
    kubelet: dict[str, Any] = yaml.safe_load(rendered["kubelet.yaml"])
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authentication"]["webhook"] == {"enabled": True}
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["cgroupRoot"] == "/groundwork-test"
    assert kubelet["clusterDNS"] == ["10.81.0.1"]


def test_a_pod_that_says_nothing_is_bounded_all_the_same(rendered: dict[str, str]) -> None:
    kubelet: dict[str, Any] = yaml.safe_load(rendered["kubelet.yaml"])
    assert kubelet["seccompDefault"] is True
    assert kubelet["podPidsLimit"] == 4096
    assert kubelet["protectKernelDefaults"] is True
    plugins = {each["name"]: each["configuration"] for each in yaml.safe_load(rendered["admission.yaml"])["plugins"]}
    assert plugins["PodSecurity"]["defaults"] == {"enforce": "baseline", "enforce-version": "latest"}
    assert plugins["EventRateLimit"]["limits"]


def test_no_pod_of_an_environments_cluster_is_root_where_its_namespace_says_nothing(spec: ClusterSpec) -> None:
    text = documents(replace(spec, platform=True))["admission.yaml"]
    plugins = {each["name"]: each["configuration"] for each in yaml.safe_load(text)["plugins"]}
    assert plugins["PodSecurity"]["defaults"]["enforce"] == "restricted"


def test_who_did_what_is_logged_and_never_what_was_in_it(rendered: dict[str, str]) -> None:
    rules: list[dict[str, Any]] = yaml.safe_load(rendered["audit.yaml"])["rules"]
    assert {each["level"] for each in rules} == {"None", "Metadata"}
    assert rules[-1] == {"level": "Metadata"}


def test_what_is_written_is_for_its_owner_alone(spec: ClusterSpec) -> None:
    write(spec)
    files = [path for path in Layout(spec.state_dir).config.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_full_machine_never_taints_the_node(rendered: dict[str, str]) -> None:
    thresholds: dict[str, str] = yaml.safe_load(rendered["kubelet.yaml"])["evictionHard"]
    assert set(thresholds.values()) == {"0%"}


def test_containerd_takes_images_from_the_clusters_registry_by_its_authority_and_with_its_login(
    spec: ClusterSpec,
) -> None:
    write(spec)
    layout = Layout(spec.state_dir)
    hosts = tomllib.loads((layout.config / "registries/10.81.0.1:5000/hosts.toml").read_text())
    assert hosts["server"] == "https://10.81.0.1:5000"
    host = hosts["host"]["https://10.81.0.1:5000"]
    assert host["ca"] == str(layout.certificate("ca"))
    login = json.loads(layout.registry_login.read_text())["auths"]["10.81.0.1:5000"]
    assert host["header"] == {"Authorization": f"Basic {login['auth']}"}


def test_the_registry_wants_its_login_and_deletes_nothing(spec: ClusterSpec, rendered: dict[str, str]) -> None:
    registry: dict[str, Any] = yaml.safe_load(rendered["registry.yaml"])
    assert registry["auth"] == {
        "htpasswd": {"realm": "groundwork", "path": str(Layout(spec.state_dir).registry_hashes)}
    }
    assert registry["storage"]["delete"] == {"enabled": False}


def test_the_registrys_login_is_made_once_and_private(spec: ClusterSpec) -> None:
    write(spec)
    layout = Layout(spec.state_dir)
    before = layout.registry_login.read_text(), layout.registry_hashes.read_text()
    write(spec)
    assert (layout.registry_login.read_text(), layout.registry_hashes.read_text()) == before
    assert stat.S_IMODE(layout.registry_login.stat().st_mode) == 0o600
    auth = json.loads(before[0])["auths"]["10.81.0.1:5000"]["auth"]
    user, _, password = base64.b64decode(auth).decode().partition(":")
    assert len(password) == 40
    named, _, hashed = before[1].strip().partition(":")
    assert named == user
    assert bcrypt.checkpw(password.encode(), hashed.encode())


def test_a_login_that_was_removed_is_made_anew(spec: ClusterSpec) -> None:
    write(spec)
    layout = Layout(spec.state_dir)
    before = layout.registry_login.read_text(), layout.registry_hashes.read_text()
    layout.registry_login.unlink()
    write(spec)
    after = layout.registry_login.read_text(), layout.registry_hashes.read_text()
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_pods_get_addresses_of_the_node(rendered: dict[str, str]) -> None:
    plugin = json.loads(rendered["cni/10-pods.conflist"])["plugins"][0]
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.81.0.0/24", "gateway": "10.81.0.1"}]]


def test_each_part_speaks_to_the_api_server_as_a_user_of_its_own(spec: ClusterSpec, rendered: dict[str, str]) -> None:
    for client in CLIENTS:
        user = json.loads(rendered[f"{client}.kubeconfig"])["users"][0]["user"]
        assert user["client-key"] == str(Layout(spec.state_dir).key(client))


def test_what_is_written_for_the_administrator_carries_its_certificate_and_is_private(spec: ClusterSpec) -> None:
    write(spec)
    layout = Layout(spec.state_dir)
    assert stat.S_IMODE(layout.kubeconfig.stat().st_mode) == 0o600
    config = yaml.safe_load(layout.kubeconfig.read_text())
    assert config["current-context"] == config["contexts"][0]["name"] == spec.name
    assert config["clusters"][0]["cluster"]["server"] == "https://10.81.0.1:6443"
    assert "client-key-data" in config["users"][0]["user"]


def test_the_key_that_encrypts_secrets_is_made_once_and_private(spec: ClusterSpec) -> None:
    write(spec)
    file = Layout(spec.state_dir).pki / "encryption.yaml"
    before = file.read_text()
    write(spec)
    assert file.read_text() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    providers = yaml.safe_load(before)["resources"][0]["providers"]
    assert "secretbox" in providers[0]


def test_no_part_is_given_a_secret_as_an_argument(spec: ClusterSpec) -> None:
    write(spec)
    layout = Layout(spec.state_dir)
    private = [path.read_text() for path in [*layout.pki.glob("*.key"), layout.pki / "encryption.yaml"]]
    words = [line for text in private for line in text.splitlines() if len(line) > 40]
    assert words
    for part in parts(spec):
        assert not any(word in argument for word in words for argument in part.command)


def test_every_part_needs_only_parts_that_there_are(spec: ClusterSpec) -> None:
    names = {part.name for part in parts(spec)} | {"objects"}
    assert all(set(part.needs) <= names for part in parts(spec))


def test_names_of_a_pattern_have_an_address_and_nothing_else_outside_has_one(spec: ClusterSpec) -> None:
    text = documents(replace(spec, names=(("^one[.]example[.]$", "10.81.240.1"),)))["Corefile"]
    assert 'match "^one[.]example[.]$"\n    answer "{{ .Name }} 60 IN A 10.81.240.1"' in text
    assert text.index("rcode NOERROR") < text.index("rcode NXDOMAIN")
    assert "example" not in documents(spec)["Corefile"]


def test_images_of_other_registries_come_from_the_clusters_own_where_that_is_asked_for(spec: ClusterSpec) -> None:
    write(replace(spec, registry_names=("registry.example",)))
    folder = Layout(spec.state_dir).config / "registries"
    own, other = (folder / name / "hosts.toml" for name in (spec.registry_address, "registry.example"))
    assert own.read_text() == other.read_text()

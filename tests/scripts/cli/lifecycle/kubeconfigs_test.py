from pathlib import Path

import pytest

from embedded.cluster import ClusterSpec
from embedded.cluster.configuration import client_kubeconfig
from scripts.cli.lifecycle import kubeconfigs
from tests.scripts.cli.fakes import refused

OWN = """
clusters: [{name: groundwork-try, cluster: {server: "https://10.200.0.1:6443"}}]
contexts: [{name: groundwork-try, context: {cluster: groundwork-try, user: groundwork-try}}]
users: [{name: groundwork-try, user: {}}]
"""


def test_a_new_file_and_one_of_this_cluster_are_written_for_its_owner_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text(OWN)
    for _ in range(2):
        kubeconfigs.check(target, "groundwork-try")
        kubeconfigs.write(target, source)
        assert target.read_text() == OWN
        assert target.stat().st_mode & 0o777 == 0o600


def test_the_kubeconfig_of_a_cluster_is_known_as_its_own(tmp_path: Path) -> None:
    spec = ClusterSpec(
        name="groundwork-try", network="10.200.0.0/16", bin_dir=tmp_path, state_dir=tmp_path, registry_dir=tmp_path
    )
    path = tmp_path / "config"
    path.write_text(str(client_kubeconfig(spec, "kubelet")))
    kubeconfigs.check(path, "groundwork-try")
    assert "is not the kubeconfig of groundwork-other" in refused(lambda: kubeconfigs.check(path, "groundwork-other"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "notes of mine",
        "[1, 2]",
        "{unfinished",
        "\x00",
        "contexts: []",
        OWN.replace("groundwork-try", "work"),
        OWN.replace("users: [", "users: [{name: work, user: {}}, "),
        OWN.replace("contexts: [", "contexts: [{name: work, context: {}}, "),
    ],
)
def test_a_file_of_somebody_else_is_refused_and_stays_as_it_is(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert refused(lambda: kubeconfigs.check(path, "groundwork-try")).startswith(f"--kubeconfig: {path} exists and is")
    assert path.read_text() == content


def test_a_folder_and_a_file_in_none_are_refused(tmp_path: Path) -> None:
    assert "is a folder: name a file" in refused(lambda: kubeconfigs.check(tmp_path, "groundwork-try"))
    absent = tmp_path / "absent"
    assert f"there is no folder {absent}" in refused(lambda: kubeconfigs.check(absent / "config", "groundwork-try"))

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli.lifecycle import clusters
from scripts.cli.lifecycle.clusters import BareCluster, Start, variables
from scripts.cli.main import app
from tests.scripts.cli.fakes import always, refused


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty data folder, with no toolchain beside it; root's rights are there."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path / "groundwork"


def make(name: str, network: str = "10.210.0.0/16", nodes: int = 1) -> BareCluster:
    """A bare cluster that was started once and is stopped."""
    bare = BareCluster(name)
    spec = bare.cluster(network, nodes - 1).spec
    bare.layout.root.mkdir(parents=True)
    bare.layout.spec.write_text(spec.to_json())
    bare.layout.identity.write_text(json.dumps({"name": spec.name, "network": network}))
    return bare


@pytest.mark.parametrize("name", ["a", "try", "a1-b2", "a" * 20])
def test_names_are_accepted(name: str) -> None:
    assert BareCluster(name).context == f"groundwork-{name}"


@pytest.mark.parametrize("name", ["", "Try", "a-", "-a", "1a", "a" * 21, "../etc", "a b", "a_b"])
def test_other_names_are_refused_with_what_is_allowed(name: str, data: Path) -> None:
    said = refused(lambda: clusters.start(name, nodes=None, network=None, kubeconfig=None))
    assert said.startswith(f"cluster: {name!r} is not a name of one: at most 20 lower-case letters")
    assert not data.exists()


@pytest.mark.parametrize("nodes", ["0", "-1", "1001", "many"])
def test_no_other_number_of_nodes_is_accepted_than_a_cluster_can_have(nodes: str, data: Path) -> None:
    result = CliRunner().invoke(app, ["cluster", "start", "try", "--nodes", nodes])
    assert result.exit_code == 2
    assert "--nodes" in result.output
    assert not data.exists()


@pytest.mark.parametrize(("nodes", "simulated"), [(None, 0), (1, 0), (1000, 999)])
def test_all_nodes_but_one_are_simulated(nodes: int | None, simulated: int) -> None:
    assert Start(BareCluster("try"), nodes, None).simulated_nodes == simulated


def test_what_is_not_given_stays_as_it_was() -> None:
    bare = make("try", "10.211.0.0/16", nodes=3)
    again = Start(bare, None, None)
    assert (again.network, again.simulated_nodes) == ("10.211.0.0/16", 2)
    assert Start(bare, 1, None).simulated_nodes == 0
    assert Start(bare, None, "10.211.0.0/16").network == "10.211.0.0/16"


def test_another_network_for_data_that_are_there_is_refused_with_what_helps() -> None:
    bare = make("try", "10.211.0.0/16")
    said = refused(lambda: Start(bare, None, "10.212.0.0/16"))
    assert said.startswith("--network: 10.212.0.0/16, but the data in ")
    assert "were made with 10.211.0.0/16" in said
    assert "groundwork cluster delete try" in said


@pytest.mark.parametrize("network", ["10.211.0.0/16", "10.0.0.0/8", "network"])
def test_a_wrong_network_is_refused_before_anything_is_made(network: str, data: Path) -> None:
    make("other", "10.211.0.0/16")
    assert refused(lambda: Start(BareCluster("try"), None, network)).startswith("--network: ")
    assert not (data / "try").exists()


def test_the_name_of_an_environment_is_refused(data: Path) -> None:
    (data / "elsewhere/pulumi").mkdir(parents=True)  # of another checkout
    for name in ("local", "elsewhere"):
        said = refused(lambda name=name: clusters.start(name, nodes=None, network=None, kubeconfig=None))
        assert said == f"cluster {name}: this is the name of an environment here: choose another one"


def test_an_environment_is_refused_the_name_of_a_bare_cluster() -> None:
    clusters.refuse_bare_cluster("try")
    make("try")
    assert "groundwork cluster delete try" in refused(lambda: clusters.refuse_bare_cluster("try"))


def test_without_root_it_says_so_and_makes_nothing(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    said = refused(lambda: clusters.start("try", nodes=None, network=None, kubeconfig=None))
    assert said.startswith("user: 1000 may not make the node's namespaces")
    assert not data.exists()


def test_a_cluster_that_is_not_there_is_named_beside_those_that_are() -> None:
    assert refused(lambda: clusters.stop("try")) == "cluster try: there is none; existing: none"
    make("trial")
    make("other")
    said = refused(lambda: clusters.stop("trail"))
    assert said == "cluster trail: there is none; did you mean 'trial'? existing: other, trial"


def test_to_delete_what_is_not_there_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    clusters.delete("try", yes=False)
    assert "There is no cluster try" in capsys.readouterr().err


def test_delete_names_the_data_and_asks(capsys: pytest.CaptureFixture[str]) -> None:
    bare = make("try")
    assert "pass --yes to confirm" in refused(lambda: clusters.delete("try", yes=False))
    assert str(bare.layout.root) in capsys.readouterr().err
    assert bare.made() is not None


def test_the_list_has_each_cluster_with_all_that_a_program_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    monkeypatch.setattr(clusters, "version", always("v1.36.3"))
    make("try", "10.211.0.0/16", nodes=3)
    make("one", "10.212.0.0/16")
    (data / "local/cluster").mkdir(parents=True)  # an environment's
    clusters.show(as_json=True)
    one, several = json.loads(capsys.readouterr().out)
    assert (one["name"], one["nodes"], one["simulated_nodes"]) == ("one", 1, 0)
    assert several == {
        "name": "try",
        "state": "stopped",
        "nodes": 3,
        "simulated_nodes": 2,
        "version": "v1.36.3",
        "network": "10.211.0.0/16",
        "api": "https://10.211.0.1:6443",
        "context": "groundwork-try",
        "kubeconfig": f"{data}/try/bare/kubeconfig",
    }
    clusters.show(as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert "3 (2 simulated)" in lines[2]
    assert "simulated" not in lines[1]


def test_an_empty_list_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    clusters.show(as_json=True)
    clusters.show(as_json=False)
    printed = capsys.readouterr()
    assert printed.out == "[]\n"
    assert "groundwork cluster start NAME" in printed.err


def test_a_version_whose_binaries_are_gone_is_unknown() -> None:
    assert clusters.version(BareCluster("try").cluster("10.211.0.0/16").spec) is None


def test_the_exports_name_the_kubeconfig_and_what_else_this_machine_lacks(tmp_path: Path) -> None:
    spec = BareCluster("try").cluster("10.211.0.0/16").spec
    (tmp_path / "kubectl").touch(mode=0o755)
    kubeconfig = {"KUBECONFIG": str(tmp_path / "config")}
    plain = {"PATH": str(tmp_path)}
    assert variables(spec, tmp_path / "config", plain) == kubeconfig
    assert variables(spec, tmp_path / "config", {"PATH": "/nowhere"}) == {
        **kubeconfig,
        "PATH": f"{spec.bin_dir}:/nowhere",
    }
    behind_a_proxy = variables(spec, tmp_path / "config", {**plain, "HTTPS_PROXY": "http://proxy.corp.example"})
    assert "10.211.0.0/16" in behind_a_proxy["NO_PROXY"]

from contextlib import nullcontext
from dataclasses import replace

import pytest

from embedded.cluster import Cluster, ClusterSpec, Wording, host
from embedded.cluster.host import check, check_routes, link_name
from modules.core.errors import UserError
from tests.scripts.cli.fakes import always

ROUTES = [
    {"dst": "default", "dev": "eth0"},
    {"dst": "0.0.0.0/0", "dev": "tun0"},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"dst": "172.17.0.0/16", "dev": "docker0"},
    {"dst": "10.8.0.7", "dev": "tun0"},
    {"dst": "10.81.0.0/18", "dev": "gw-own"},
]


@pytest.mark.parametrize("network", ["10.81.0.0/16", "10.9.0.0/16", "172.18.0.0/16"])
def test_a_range_of_its_own_is_taken(network: str) -> None:
    check_routes(network, ROUTES, "gw-own", "network")


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("172.17.0.0/16", "overlaps 172.17.0.0/16, which this machine reaches by docker0"),
        ("10.8.0.0/16", "overlaps 10.8.0.7, which this machine reaches by tun0"),
    ],
)
def test_a_range_that_the_machine_has_a_way_to_is_refused(network: str, expected: str) -> None:
    with pytest.raises(UserError) as refused:
        check_routes(network, ROUTES, "gw-own", "--network")
    assert f"--network: {network} {expected}" in str(refused.value)


def test_the_link_of_any_cluster_has_a_name_that_the_kernel_takes() -> None:
    assert len(link_name("a" * 40)) <= 15
    assert link_name("groundwork-local") != link_name("groundwork-test")


def test_nobody_but_root_starts_a_cluster_and_nothing_is_made(
    spec: ClusterSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match=r"user: 1000 .* as root"):
        Cluster(spec).start()
    assert not spec.state_dir.exists()


def test_a_missing_host_program_is_named_by_its_package(spec: ClusterSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("embedded.cluster.host.PATH", "/nowhere")
    monkeypatch.setattr("embedded.cluster.host.cni_folder", lambda: None)
    packages = "containerd, containernetworking-plugins, iproute2, ipset, iptables, mount, nftables, runc, util-linux"
    with pytest.raises(UserError, match=f"host: {packages} missing"):
        check(spec, None, Wording())


def test_a_missing_binary_is_named(spec: ClusterSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("embedded.cluster.host.TOOLS", {})
    monkeypatch.setattr("embedded.cluster.host.cni_folder", lambda: spec.bin_dir)
    with pytest.raises(UserError, match=r"toolchain: .*coredns, kube-router, kwok, metrics-server, registry not in"):
        check(spec, None, Wording())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"network": "10.90.0.0/16"}, r"--network: 10.90.0.0/16, but .* with 10.81.0.0/16.*\(delete it\)"),
        ({"name": "other"}, "cluster name: other, but .* with groundwork-test"),
    ],
)
def test_data_of_another_name_or_network_are_refused(
    spec: ClusterSpec, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    spec.state_dir.mkdir()
    (spec.state_dir / "cluster.json").write_text(f'{{"name": "{spec.name}", "network": "{spec.network}"}}')
    changed = {"name": spec.name, "network": spec.network, **change}
    with pytest.raises(UserError, match=expected):
        Cluster(
            replace(spec, name=changed["name"], network=changed["network"]),
            wording=Wording(network="--network", destroy="delete it"),
        ).start()


@pytest.mark.parametrize(("looks", "raised"), [([True, False], False), ([True, True], True), ([False], False)])
def test_a_link_that_the_kernel_takes_at_that_moment_is_gone_and_no_error(
    looks: list[bool], raised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Link:
        def exists(self) -> bool:
            return looks.pop(0)

    def fails(*command: str) -> None:
        raise OSError(f"`{' '.join(command)}` failed: Cannot find device")

    monkeypatch.setattr(host, "Path", always(Link()))
    monkeypatch.setattr(host, "run", fails)
    with pytest.raises(OSError, match="ip link delete") if raised else nullcontext():
        host.link_down("groundwork-mine")
    assert looks == []

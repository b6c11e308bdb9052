import json
from pathlib import Path

import pytest

from modules.core.errors import UserError
from scripts.cli.lifecycle import networks
from tests.scripts.cli.fakes import always, refused, settings

TAKEN = {"10.80.0.0/16": "environment local", "172.20.0.0/16": "cluster groundwork-other"}
EVERY = [f"10.{second}.0.0/16" for second in range(200, 240)]


@pytest.mark.parametrize("network", ["10.79.0.0/16", "10.200.0.0/16", "172.21.0.0/16", "192.168.0.0/16"])
def test_a_private_range_that_nobody_has_is_accepted(network: str) -> None:
    networks.check(network, TAKEN)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("10.80.0.0/16", "--network: 10.80.0.0/16 overlaps 10.80.0.0/16 of environment local"),
        ("172.20.0.0/16", "--network: 172.20.0.0/16 overlaps 172.20.0.0/16 of cluster groundwork-other"),
        ("10.80.0.0/24", "--network: '10.80.0.0/24' can't be used: allowed is a /16"),
        ("10.0.0.0/8", "--network: '10.0.0.0/8' can't be used: allowed is a /16"),
        ("8.8.0.0/16", "--network: '8.8.0.0/16' can't be used: allowed is a /16 within 10.0.0.0/8"),
        ("10.80.0.1/16", "--network: '10.80.0.1/16' can't be used: "),
        ("", "--network: '' can't be used: "),
        ("fd00::/16", "--network: 'fd00::/16' can't be used: "),
    ],
)
def test_any_other_range_is_refused_with_its_owner_or_what_is_allowed(network: str, expected: str) -> None:
    assert refused(lambda: networks.check(network, TAKEN)).startswith(expected)


def test_the_first_range_is_chosen_that_neither_a_cluster_nor_a_route_has() -> None:
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "10.200.3.0/24", "dev": "tun0"}]
    assert networks.choose([], [], "gw-own") == "10.200.0.0/16"
    assert networks.choose(["10.201.0.0/16"], routes, "gw-own") == "10.202.0.0/16"
    assert networks.choose([], [{"dst": "10.200.0.0/18", "dev": "gw-own"}], "gw-own") == "10.200.0.0/16"


def test_where_all_are_taken_one_must_be_named() -> None:
    assert refused(lambda: networks.choose(EVERY, [], "gw-own")).startswith("--network: 10.200.0.0/16 to 10.239.0.0/16")
    assert networks.choose(EVERY[:-1], [], "gw-own") == "10.239.0.0/16"


def test_taken_is_what_stacks_say_and_what_all_other_clusters_were_made_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(networks, "stacks", always(["local", "never"]))

    def load(stack: str) -> object:
        if stack == "never":
            raise UserError("never brought up")
        return settings()

    monkeypatch.setattr(networks, "load", load)
    for name, folder, network in (("a", "cluster", "10.70.0.0/16"), ("b", "bare", "10.71.0.0/16")):
        made = tmp_path / "groundwork" / name / folder / "cluster.json"
        made.parent.mkdir(parents=True)
        made.write_text(json.dumps({"name": f"groundwork-{name}", "network": network}))
    others = {"10.80.0.0/16": "environment local", "10.70.0.0/16": "cluster groundwork-a"}
    assert networks.taken("groundwork-b") == others
    assert networks.taken("groundwork-c") == {**others, "10.71.0.0/16": "cluster groundwork-b"}

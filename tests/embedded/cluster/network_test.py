import pytest

from embedded.cluster.network import split
from modules.core.errors import UserError


def test_a_range_is_divided_into_pods_services_and_link() -> None:
    network = split("10.80.0.0/16")
    assert str(network.pods) == "10.80.0.0/18"
    assert str(network.node_pods) == "10.80.0.0/24"
    assert str(network.simulated_pods) == "10.80.32.0/19"
    assert str(network.services) == "10.80.64.0/18"
    assert str(network.link) == "10.80.255.252/30"
    assert (str(network.node), str(network.api_service)) == ("10.80.0.1", "10.80.64.1")
    assert (str(network.host_end), str(network.node_end)) == ("10.80.255.253", "10.80.255.254")


@pytest.mark.parametrize("text", ["10.0.0.0/16", "10.255.0.0/16", "172.31.0.0/16", "192.168.0.0/16"])
def test_parts_of_a_range_are_in_it_and_apart(text: str) -> None:
    network = split(text)
    parts = [network.pods, network.services, network.link]
    assert all(part.subnet_of(network.whole) for part in parts)
    assert not any(a.overlaps(b) for a in parts for b in parts if a != b)
    assert network.node_pods.subnet_of(network.pods)
    assert network.simulated_pods.subnet_of(network.pods)
    assert not network.simulated_pods.overlaps(network.node_pods)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.80.0.0",
        "10.80.0.0/15",
        "10.80.0.0/17",
        "10.80.0.1/16",
        "10.80/16",
        "8.8.0.0/16",
        "127.0.0.0/16",
        "169.254.0.0/16",
        "172.32.0.0/16",
        "fd00::/16",
        "10.256.0.0/16",
        "network",
    ],
)
def test_other_ranges_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UserError, match=r"network: .*allowed is a /16") as refused:
        split(text)
    assert repr(text) in str(refused.value)

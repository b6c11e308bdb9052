import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from embedded.cluster import ClusterSpec
from modules.core.errors import UserError
from modules.core.simulation import SimulatedNode


def test_a_spec_survives_the_way_to_its_daemon(spec: ClusterSpec) -> None:
    assert ClusterSpec.from_json(spec.to_json()) == spec
    taint = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
    node = SimulatedNode(name="simulated-gpu-0", labels={"a": "b"}, taints=[taint], capacity={"cpu": "4"})
    with_pool = replace(spec, simulated_pools=(node,))
    assert ClusterSpec.from_json(with_pool.to_json()) == with_pool
    with_names = replace(
        spec,
        names=(("^one[.]example[.]$", "10.81.240.1"),),
        registry_names=("registry.example",),
        issuer="https://issuer.example",
    )
    assert ClusterSpec.from_json(with_names.to_json()) == with_names


def test_a_spec_that_an_older_version_wrote_is_read(spec: ClusterSpec) -> None:
    fields = json.loads(spec.to_json())
    del fields["simulated_pools"], fields["names"], fields["registry_names"], fields["issuer"]
    assert ClusterSpec.from_json(json.dumps(fields)) == spec


def test_simulated_nodes_are_counted_with_those_of_pools(spec: ClusterSpec) -> None:
    node = SimulatedNode(name="simulated-gpu-0", labels={}, taints=[], capacity={})
    with pytest.raises(UserError, match="simulated_nodes: 990, and 11 of pools: allowed are 1000 together"):
        replace(spec, simulated_nodes=990, simulated_pools=(node,) * 11)


def test_a_spec_can_not_be_changed(spec: ClusterSpec) -> None:
    with pytest.raises(FrozenInstanceError):
        spec.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["a", "groundwork-local", "a" * 40, "a1-b2"])
def test_names_that_kubernetes_takes_are_taken(spec: ClusterSpec, name: str) -> None:
    assert replace(spec, name=name).name == name


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": ""}, "cluster name: ''"),
        ({"name": "Groundwork"}, "cluster name: 'Groundwork'"),
        ({"name": "a-"}, "cluster name: 'a-'"),
        ({"name": "a" * 41}, "at most 40"),
        ({"name": "../etc"}, "cluster name"),
        ({"network": "10.0.0.0/8"}, "network: '10.0.0.0/8'"),
        ({"api_port": 0}, "api_port: 0: allowed is 1 to 65535"),
        ({"api_port": 65536}, "api_port: 65536"),
        ({"simulated_nodes": -1}, "simulated_nodes: -1: allowed is 0 to 1000"),
        ({"simulated_nodes": 1001}, "simulated_nodes: 1001"),
    ],
)
def test_a_wrong_value_is_refused_with_where_it_comes_from(
    spec: ClusterSpec, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UserError) as refused:
        replace(spec, **change)
    assert expected in str(refused.value)


def test_the_fingerprint_changes_with_the_spec_and_with_a_binary_only(spec: ClusterSpec) -> None:
    before = spec.fingerprint()
    assert before == replace(spec).fingerprint()
    assert before != replace(spec, simulated_nodes=3).fingerprint()
    (spec.bin_dir / "pulumi").write_text("no part of a cluster")
    assert before == replace(spec).fingerprint()
    (spec.bin_dir / "kubelet").write_text("a newer one")
    assert before != replace(spec).fingerprint()

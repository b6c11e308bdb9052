"""What comes from one declaration of the pools: the parts agree with each other."""

import pytest
import yaml

from modules.core.errors import UserError
from modules.nodes.documents import PRIORITIES, device_plugin, gpu_quota
from modules.nodes.karpenter import node_pool
from modules.nodes.node_group import node_group, system_pools
from modules.nodes.pools import node_labels, node_taints, simulated_nodes
from modules.nodes.settings import TeamSettings

from .declarations import NODES, POOLS, changed


def test_the_device_plugin_has_a_part_for_each_pool_whose_nodes_ask_for_it() -> None:
    files = device_plugin(POOLS)
    asked = {name: node_labels(name, pool).get("nvidia.com/device-plugin.config") for name, pool in POOLS.items()}
    assert {name for name, part in asked.items() if part} == set(files) == {"training", "shared", "divided"}
    assert all(part in {None, name} for name, part in asked.items())


def test_whole_slices_and_instances_are_told_to_the_device_plugin() -> None:
    files = {name: yaml.safe_load(text) for name, text in device_plugin(POOLS).items()}
    assert {file["version"] for file in files.values()} == {"v1"}
    assert {name: file["flags"]["migStrategy"] for name, file in files.items()} == {
        "training": "none",
        "shared": "none",
        "divided": "mixed",
    }
    assert {name for name, file in files.items() if "sharing" in file} == {"shared"}
    assert files["shared"]["sharing"]["timeSlicing"] == {
        "renameByDefault": True,
        "failRequestsGreaterThanOne": True,
        "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
    }


def test_gpus_are_divided_as_the_pool_says() -> None:
    assert node_labels("divided", POOLS["divided"])["nvidia.com/mig.config"] == "all-1g.5gb"
    assert "nvidia.com/mig.config" not in node_labels("training", POOLS["training"])


def test_a_node_says_which_pool_purpose_and_accelerator_it_is_of() -> None:
    assert node_labels("neuron", POOLS["neuron"]) == {
        "groundwork.dev/pool": "neuron",
        "groundwork.dev/purpose": "serving",
        "groundwork.dev/accelerator": "inferentia2",
    }
    assert node_labels("general", POOLS["general"])["example.com/team"] == "all"


def test_accelerators_are_kept_for_those_who_ask_for_exactly_them() -> None:
    keys = {name: [taint["key"] for taint in node_taints(pool)] for name, pool in POOLS.items()}
    assert keys == {
        "system": [],
        "general": ["example.com/dedicated"],
        "training": ["nvidia.com/gpu"],
        "shared": ["nvidia.com/gpu.shared"],
        "divided": ["nvidia.com/mig-1g.5gb"],
        "neuron": ["aws.amazon.com/neuron"],
    }


def test_a_team_has_its_share_and_none_of_the_others() -> None:
    assert gpu_quota(NODES.teams["vision"], POOLS) == {
        "requests.aws.amazon.com/neuron": "0",
        "requests.nvidia.com/gpu": "8",
        "requests.nvidia.com/gpu.shared": "6",
        "requests.nvidia.com/mig-1g.5gb": "0",
    }
    assert set(gpu_quota(NODES.teams["others"], POOLS).values()) == {"0"}


def test_shares_of_pools_with_the_same_kind_are_added_up() -> None:
    pools = {"one": POOLS["training"], "two": changed("training", max=1)}
    assert gpu_quota(TeamSettings(workloads=["iris"], gpus={"one": 8, "two": 4}), pools) == {
        "requests.nvidia.com/gpu": "12"
    }


def test_what_answers_requests_comes_before_what_can_be_run_again() -> None:
    assert sorted(PRIORITIES, key=lambda purpose: PRIORITIES[purpose][0]) == ["training", "general", "serving"]
    assert {purpose for purpose, (_, evicts, _) in PRIORITIES.items() if evicts} == {"serving"}
    assert all(value <= 1_000_000_000 for value, _, _ in PRIORITIES.values())  # more is Kubernetes' own


def test_the_system_pool_is_a_node_group_of_nodes_that_are_alike() -> None:
    group = node_group("system", POOLS["system"])
    assert group.instance_types[0] == "t3.large"
    assert len(group.instance_types) <= 20
    assert not {each for each in group.instance_types if each.startswith("r")}
    assert (group.ami_type, group.min_size, group.max_size, group.disk_gib) == ("AL2023_x86_64_STANDARD", 2, 3, 100)
    assert group.labels == {"groundwork.dev/pool": "system", "groundwork.dev/purpose": "system"}


def test_a_node_group_has_the_taints_in_the_words_of_eks() -> None:
    tainted = changed("system", taints=[{"key": "CriticalAddonsOnly", "value": "true", "effect": "PreferNoSchedule"}])
    assert node_group("system", tainted).taints == [
        {"key": "CriticalAddonsOnly", "value": "true", "effect": "PREFER_NO_SCHEDULE"}
    ]


def test_only_system_pools_are_node_groups() -> None:
    assert list(system_pools(POOLS, "groundwork:foundation.nodes.pools")) == ["system"]


def test_simulated_nodes_are_those_that_a_cloud_would_have() -> None:
    """Of the same labels and taints, with what the type has that the cloud would take first."""
    nodes = list(simulated_nodes(POOLS))
    assert len(nodes) == len({node.name for node in nodes}) == 10 + 2 + 3 + 1 + 4
    for name in ("general", "training", "shared", "divided", "neuron"):
        template = node_pool(name, POOLS[name], weight=1)["spec"]["template"]
        for node in (node for node in nodes if node.labels["groundwork.dev/pool"] == name):
            assert node.labels == template["metadata"]["labels"]
            assert node.taints == template["spec"]["taints"]


def test_a_simulated_node_has_what_pods_ask_for() -> None:
    capacity = {node.name: node.capacity for node in simulated_nodes(POOLS)}
    assert capacity["simulated-training-1"] == {
        "cpu": "192",
        "memory": "2097152Mi",
        "pods": "110",
        "ephemeral-storage": "1Ti",
        "nvidia.com/gpu": "8",
        "vpc.amazonaws.com/efa": "32",
    }
    assert capacity["simulated-shared-0"]["nvidia.com/gpu.shared"] == "4"
    assert capacity["simulated-divided-0"]["nvidia.com/mig-1g.5gb"] == "56"
    assert capacity["simulated-neuron-3"]["aws.amazon.com/neuron"] == "1"


def test_a_cluster_without_a_system_pool_is_refused_with_what_to_add() -> None:
    with pytest.raises(
        UserError, match=r"^groundwork:foundation.nodes.pools has no pool of purpose system, .*: add one"
    ):
        system_pools({"general": POOLS["general"]}, "groundwork:foundation.nodes.pools")

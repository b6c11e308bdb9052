"""What a cluster with Karpenter is given for its pools, seen through the engine's mocks."""

from collections import Counter
from typing import Any

import pytest

from modules.core.contracts import Cluster
from modules.core.labels import Labels
from modules.nodes.cluster import Pools
from modules.nodes.karpenter import STARTUP_TAINT
from modules.nodes.settings import NodesSettings
from tests.mocks import Objects, declare
from tests.neighbours import REGISTRY

from .declarations import NODES, POOLS
from .karpenter_test import COMMON

IMAGE = "registry/nodes:1@sha256:" + "1" * 64


def declared(cluster: Cluster, settings: NodesSettings = NODES) -> Objects:
    def program() -> None:
        Pools(
            "pools",
            settings=settings,
            common=COMMON,
            instance_profile="the-profile",
            karpenter="karpenter",
            cluster=cluster,
            namespace="dev-nodes",
            namespaces={"vision": ["dev-iris", "dev-iris-training"], "others": ["dev-wine"]},
            registry=REGISTRY,
            image=IMAGE,
            labels=Labels(environment="dev", owner="someone"),
        )

    return declare(program)[0].objects


@pytest.fixture
def objects(cluster: Cluster) -> Objects:
    return declared(cluster)


def of_kind(objects: Objects, kind: str) -> dict[str, dict[str, Any]]:
    return {name: inputs for (found, name), inputs in objects.items() if found == kind}


def test_every_pool_but_the_systems_has_its_objects(objects: Objects) -> None:
    assert Counter(kind for kind, _ in objects) == {
        "NodePool": 5,
        "EC2NodeClass": 5,
        "NodeOverlay": 2,
        "PriorityClass": 3,
        "ResourceQuota": 3,
        "ServiceAccount": 1,
        "ClusterRole": 1,
        "ClusterRoleBinding": 1,
        "NetworkPolicy": 1,
        "Deployment": 1,
    }
    names = {inputs["metadata"]["name"] for inputs in of_kind(objects, "NodePool").values()}
    assert names == set(POOLS) - {"system"}


def test_nodes_join_by_the_profile_that_lets_them(objects: Objects) -> None:
    profiles = {inputs["spec"]["instanceProfile"] for inputs in of_kind(objects, "EC2NodeClass").values()}
    assert profiles == {"the-profile"}


def test_a_teams_namespaces_have_its_quota(objects: Objects) -> None:
    quotas = {
        inputs["metadata"]["namespace"]: inputs["spec"]["hard"]["requests.nvidia.com/gpu"]
        for inputs in of_kind(objects, "ResourceQuota").values()
    }
    assert quotas == {"dev-iris": "8", "dev-iris-training": "8", "dev-wine": "0"}


def test_priorities_are_the_environments_own(objects: Objects) -> None:
    values = {each["metadata"]["name"]: each["value"] for each in of_kind(objects, "PriorityClass").values()}
    assert sorted(values, key=lambda name: values[name]) == ["dev-training", "dev-general", "dev-serving"]
    assert not any(each["globalDefault"] for each in of_kind(objects, "PriorityClass").values())


def test_what_opens_nodes_may_list_and_patch_them_and_nothing_else(objects: Objects) -> None:
    (role,) = of_kind(objects, "ClusterRole").values()
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]}]
    (binding,) = of_kind(objects, "ClusterRoleBinding").values()
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "nodes", "namespace": "dev-nodes"}]
    assert role["metadata"]["name"] == binding["metadata"]["name"] == "dev-nodes"


def test_what_opens_nodes_takes_away_the_taint_that_karpenter_gives_them(objects: Objects) -> None:
    (deployment,) = of_kind(objects, "Deployment").values()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python3", "/opt/groundwork/ready.py", STARTUP_TAINT]
    assert container["image"] == IMAGE
    taints = [
        taint["key"]
        for each in of_kind(objects, "NodePool").values()
        for taint in each["spec"]["template"]["spec"]["startupTaints"]
    ]
    assert set(taints) == {STARTUP_TAINT}


def test_without_accelerators_nothing_opens_nodes(cluster: Cluster) -> None:
    plain = NodesSettings(pools={"general": POOLS["general"]})
    assert not of_kind(declared(cluster, plain), "Deployment")

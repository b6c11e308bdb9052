"""Karpenter and its pools through the official Kubernetes plugin, on a real API server."""

import json
from collections.abc import Callable

from modules.core.paths import REPOSITORY

from .project import Project

Kubectl = Callable[..., str]
PROGRAM = """
import sys

sys.path.insert(0, {repository!r})

from modules.core.contracts import Account
from modules.core.labels import Labels
from modules.nodes.cluster import Pools
from modules.nodes.controller import Karpenter, Surroundings
from modules.nodes.karpenter import NodeClass
from modules.nodes.settings import NodesSettings
from tests.neighbours import CLUSTER, REGISTRY

LABELS = Labels(environment="dev", owner="someone")
IMAGE = "registry/nodes:1@sha256:" + "1" * 64
AROUND = dict(cluster=CLUSTER, namespace="default", registry=REGISTRY, image=IMAGE, labels=LABELS)
SURROUNDINGS = Surroundings(cluster="dev", region="eu-west-1", queue="dev", reaches_prices=True)
POOLS = {{
    "general": {{"purpose": "general", "families": ["m7i"], "max": 3}},
    "shared": {{"purpose": "serving", "gpu": {{"model": "l4", "time_slices": 4}}, "max": 1}},
}}
karpenter = Karpenter("karpenter", surroundings=SURROUNDINGS, account=Account(), **AROUND)
Pools(
    "pools",
    settings=NodesSettings.model_validate({{"pools": POOLS}}),
    common=NodeClass(cluster="dev", instance_profile="", image="al2023@latest", kms_key=None, tags={{}}),
    instance_profile="dev-node",
    karpenter=karpenter.ready,
    namespaces={{}},
    **AROUND,
)
"""
KINDS = "nodepools,ec2nodeclasses,nodeoverlays"


def test_a_cluster_learns_of_karpenters_objects_takes_the_pools_and_forgets_both(
    project: Project, kubectl: Kubectl
) -> None:
    kubectl("label", "nodes", "--all", "groundwork.dev/purpose=system")
    project.write(PROGRAM.format(repository=str(REPOSITORY)))
    project.up()
    found = json.loads(kubectl("get", KINDS, "-o", "json"))["items"]
    assert sorted(f"{each['kind']} {each['metadata']['name']}" for each in found) == [
        "EC2NodeClass general",
        "EC2NodeClass shared",
        "NodeOverlay shared",
        "NodePool general",
        "NodePool shared",
    ]
    # The rules in the definitions too, by which the API server refuses what Karpenter could not read.
    definition = json.loads(kubectl("get", "crd", "nodepools.karpenter.sh", "-o", "json"))
    assert "x-kubernetes-validations" in json.dumps(definition["spec"])
    project.run("preview", "--expect-no-changes")
    project.run("destroy", "--yes", "--skip-preview")
    assert "karpenter" not in kubectl("get", "crd", "-o", "name")

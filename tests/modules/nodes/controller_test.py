"""Karpenter as it is deployed, seen through the engine's mocks."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from modules.core.contracts import Account, Cluster, PodRules
from modules.core.labels import Labels
from modules.nodes.controller import Karpenter, Surroundings
from tests.mocks import Objects, declare
from tests.neighbours import REGISTRY

IMAGE = "registry/nodes:1.15.0@sha256:" + "1" * 64
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/groundwork-dev-nodes-karpenter"}


def declared(cluster: Cluster, *, reaches_prices: bool = True) -> Objects:
    def program() -> None:
        Karpenter(
            "karpenter",
            surroundings=Surroundings(
                cluster="groundwork-dev", region="eu-west-1", queue="groundwork-dev", reaches_prices=reaches_prices
            ),
            account=Account(annotations=ROLE),
            cluster=cluster,
            namespace="dev-nodes",
            registry=REGISTRY,
            image=IMAGE,
            labels=Labels(environment="dev", owner="someone"),
        )

    return declare(program)[0].objects


@pytest.fixture
def objects(cluster: Cluster) -> Objects:
    return declared(cluster)


def of_kind(objects: Objects, kind: str) -> list[dict[str, Any]]:
    return [inputs for (found, _), inputs in objects.items() if found == kind]


def controller(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod and its container."""
    (deployment,) = of_kind(objects, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def test_the_api_server_learns_of_all_of_karpenters_objects(objects: Objects) -> None:
    assert Counter(kind for kind, _ in objects) == {
        "CustomResourceDefinition": 5,
        "ServiceAccount": 1,
        "ClusterRole": 1,
        "ClusterRoleBinding": 1,
        "Role": 1,
        "RoleBinding": 1,
        "NetworkPolicy": 1,
        "Deployment": 1,
    }
    defined = {each["metadata"]["name"]: each["spec"] for each in of_kind(objects, "CustomResourceDefinition")}
    assert {spec["names"]["kind"] for spec in defined.values()} >= {"NodePool", "NodeClaim", "EC2NodeClass"}
    for name, spec in defined.items():
        assert name == f"{spec['names']['plural']}.{spec['group']}"


def test_it_is_somebody_in_the_account_and_hears_of_the_clusters_events(objects: Objects) -> None:
    (account,) = of_kind(objects, "ServiceAccount")
    assert account["metadata"]["annotations"].items() >= ROLE.items()
    _, container = controller(objects)
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert (
        variables.items()
        >= {
            "AWS_REGION": "eu-west-1",
            "CLUSTER_NAME": "groundwork-dev",
            "INTERRUPTION_QUEUE": "groundwork-dev",
            "SYSTEM_NAMESPACE": "dev-nodes",
            "ISOLATED_VPC": "false",
            "FEATURE_GATES": "NodeOverlay=true",
        }.items()
    )
    assert container["image"] == IMAGE


def test_without_a_way_to_the_internet_no_prices_are_asked_for(cluster: Cluster) -> None:
    _, container = controller(declared(cluster, reaches_prices=False))
    assert {"name": "ISOLATED_VPC", "value": "true"} in container["env"]


def test_it_runs_on_nodes_that_it_does_not_bring_whatever_the_rules_for_pods_say(cluster: Cluster) -> None:
    elsewhere = replace(cluster, pods=PodRules(node_selector={"groundwork.dev/pool": "general"}))
    pod, _ = controller(declared(elsewhere))
    assert pod["nodeSelector"] == {"groundwork.dev/purpose": "system"}
    assert pod["priorityClassName"] == "system-cluster-critical"


def test_it_reads_no_secret_and_starts_no_pod(objects: Objects) -> None:
    (role,) = of_kind(objects, "ClusterRole")
    for rule in role["rules"]:
        assert not {"secrets", "configmaps", "*"} & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}
        assert "create" not in rule["verbs"] or "pods" not in rule["resources"]
    (inside,) = of_kind(objects, "Role")
    assert {resource for rule in inside["rules"] for resource in rule["resources"]} == {"leases"}

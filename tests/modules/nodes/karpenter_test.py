"""What Karpenter is given, held to its own schemas."""

from typing import Any, cast

import jsonschema
import pytest

from modules.nodes.facts import instance_types
from modules.nodes.karpenter import (
    DISCOVERY,
    STARTUP_TAINT,
    Document,
    NodeClass,
    definitions,
    node_class,
    node_overlay,
    node_pool,
    weights,
)

from .declarations import POOLS, changed

SCHEMAS: dict[str, Any] = {each["names"]["kind"]: each for each in definitions().values()}
KARPENTERS = sorted(name for name, pool in POOLS.items() if pool.purpose != "system")
COMMON = NodeClass(
    cluster="groundwork-dev",
    instance_profile="groundwork-dev-node",
    image="al2023@v20251103",
    kms_key=None,
    tags={"owner": "someone"},
)


def strict(schema: Any) -> Any:
    """The schema, refusing what it doesn't name: the API server would leave it out unseen."""
    if isinstance(schema, list):
        return [strict(each) for each in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    inner = {key: strict(value) for key, value in cast(dict[str, Any], schema).items()}
    return {"additionalProperties": False, **inner} if "properties" in inner and "type" in inner else inner


def check(document: Document) -> None:
    defined = SCHEMAS[document["kind"]]
    (version,) = defined["versions"]
    assert document["apiVersion"] == f"{defined['group']}/{version['name']}"
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    jsonschema.Draft202012Validator(strict(schema)).validate(document["spec"])


def requirements(document: Document) -> dict[str, list[str]]:
    return {each["key"]: each["values"] for each in document["spec"]["template"]["spec"]["requirements"]}


@pytest.mark.parametrize("name", KARPENTERS)
def test_every_document_is_what_the_schema_takes(name: str) -> None:
    check(node_pool(name, POOLS[name], weight=1))
    check(node_class(name, POOLS[name], COMMON))
    if overlay := node_overlay(name, POOLS[name]):
        check(overlay)


def test_a_field_that_karpenter_does_not_know_would_be_found() -> None:
    document = node_pool("general", POOLS["general"], weight=1)
    document["spec"]["template"]["spec"]["taint"] = []
    with pytest.raises(jsonschema.ValidationError, match="'taint' was unexpected"):
        check(document)


@pytest.mark.parametrize("name", KARPENTERS)
def test_a_pool_names_its_class_and_the_types_that_the_declaration_allows(name: str) -> None:
    pool = node_pool(name, POOLS[name], weight=1)
    made = node_class(name, POOLS[name], COMMON)
    reference = pool["spec"]["template"]["spec"]["nodeClassRef"]
    assert reference == {"group": "karpenter.k8s.aws", "kind": made["kind"], "name": made["metadata"]["name"]}
    known = {each.name: each for each in instance_types()}
    wanted = POOLS[name].gpu
    for each in requirements(pool)["node.kubernetes.io/instance-type"]:
        assert known[each].devices == (wanted.count if wanted else 0)
        assert known[each].device == (wanted.model if wanted else "-")


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("general", {"nodes": "10", "cpu": "40"}),
        ("training", {"nodes": "2", "cpu": "384", "nvidia.com/gpu": "16"}),
        ("divided", {"nodes": "1", "cpu": "96", "nvidia.com/mig-1g.5gb": "56"}),
    ],
)
def test_the_number_of_nodes_is_limited_by_max_also_when_many_are_wanted_at_once(
    name: str, limits: dict[str, str]
) -> None:
    """By the number of nodes alone Karpenter would start one for each pod that waits."""
    assert node_pool(name, POOLS[name], weight=1)["spec"]["limits"] == limits


@pytest.mark.parametrize(
    ("capacity", "types"),
    [("on-demand", ["on-demand"]), ("spot", ["spot"]), ("spot-with-fallback", ["spot", "on-demand"])],
)
def test_spot_falls_back_only_where_it_was_said(capacity: str, types: list[str]) -> None:
    found = requirements(node_pool("general", changed("general", capacity=capacity), weight=1))
    assert found["karpenter.sh/capacity-type"] == types


def test_a_node_with_accelerators_starts_closed_until_it_reports_them() -> None:
    """The count of GPUs is 0 while the device plugin starts: karpenter-provider-aws PR 1476."""
    for name in KARPENTERS:
        template = node_pool(name, POOLS[name], weight=1)["spec"]["template"]["spec"]
        closed = [taint["key"] for taint in template["startupTaints"]]
        assert closed == ([STARTUP_TAINT] if POOLS[name].gpu else [])


def test_no_node_with_a_training_on_it_goes() -> None:
    spec = node_pool("training", POOLS["training"], weight=1)["spec"]
    budgets = {reason: each["nodes"] for each in spec["disruption"]["budgets"] for reason in each["reasons"]}
    assert budgets == {"Underutilized": "0", "Drifted": "0", "Empty": "100%"}
    assert spec["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert spec["template"]["spec"]["expireAfter"] == "Never"


def test_nodes_that_serve_are_replaced_one_at_a_time() -> None:
    spec = node_pool("shared", POOLS["shared"], weight=1)["spec"]
    assert spec["disruption"]["budgets"] == [{"nodes": "1"}]
    assert spec["template"]["spec"]["expireAfter"] == "720h"


def test_a_pod_that_fits_on_several_pools_gets_a_node_of_the_cheapest() -> None:
    """Of NodePools Karpenter takes the one of most weight, whatever its types cost."""
    wide = {**POOLS, "one": changed("shared", gpu={"model": "a10g"})}
    found = weights(wide)
    assert found["one"] > found["training"]
    assert found["general"] > found["divided"] > found["training"]
    assert set(found.values()) == set(range(101 - len(wide), 101))
    many = weights({f"pool-{number}": POOLS["general"] for number in range(200)})
    assert (max(many.values()), min(many.values())) == (100, 1)


def test_the_system_pool_is_not_karpenters() -> None:
    with pytest.raises(ValueError, match="pool system is of purpose system: Karpenter runs there"):
        node_pool("system", POOLS["system"], weight=1)


@pytest.mark.parametrize("name", KARPENTERS)
def test_pods_get_nothing_from_the_metadata_service_and_volumes_are_encrypted(name: str) -> None:
    spec = node_class(name, POOLS[name], COMMON)["spec"]
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert spec["associatePublicIPAddress"] is False
    (device,) = spec["blockDeviceMappings"]
    assert device["ebs"]["encrypted"] is True
    assert "kmsKeyID" not in device["ebs"]


def test_a_class_has_the_clusters_key_tags_and_places() -> None:
    with_key = NodeClass(
        cluster="groundwork-dev",
        instance_profile="groundwork-dev-node",
        image="al2023@v20251103",
        kms_key="arn:aws:kms:eu-west-1:123456789012:key/1",
        tags={"owner": "someone"},
    )
    spec = node_class("training", POOLS["training"], with_key)["spec"]
    assert spec["blockDeviceMappings"][0]["ebs"]["kmsKeyID"] == "arn:aws:kms:eu-west-1:123456789012:key/1"
    assert spec["blockDeviceMappings"][0]["ebs"]["volumeSize"] == "1024Gi"
    assert spec["tags"] == {"owner": "someone", "groundwork.dev/pool": "training"}
    assert (
        spec["subnetSelectorTerms"] == spec["securityGroupSelectorTerms"] == [{"tags": {DISCOVERY: "groundwork-dev"}}]
    )
    assert spec["instanceProfile"] == "groundwork-dev-node"


def test_local_disks_are_used_where_every_type_has_them() -> None:
    assert node_class("training", POOLS["training"], COMMON)["spec"]["instanceStorePolicy"] == "RAID0"
    assert "instanceStorePolicy" not in node_class("general", POOLS["general"], COMMON)["spec"]


def test_karpenter_knows_how_many_slices_and_instances_a_node_has() -> None:
    made = {name: node_overlay(name, POOLS[name]) for name in KARPENTERS}
    capacity = {name: each["spec"]["capacity"] for name, each in made.items() if each}
    assert capacity == {"shared": {"nvidia.com/gpu.shared": "4"}, "divided": {"nvidia.com/mig-1g.5gb": "56"}}

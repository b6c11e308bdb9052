"""What the nodes' component declares on AWS, seen through the engine's mocks."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from modules.core.aws import AwsAccount, Statement
from modules.core.aws import policy as document_of
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.nodes import policy
from modules.nodes.aws import Nodes
from modules.nodes.settings import PoolSettings, PoolsSettings
from tests.mocks import Declared, Monitor, declare

from .declarations import POOLS, changed

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
UNTAGGED = {"Nodes", "Tag", "RolePolicyAttachment", "QueuePolicy", "EventTarget"}


def declared(
    pools: Mapping[str, PoolSettings] = POOLS,
    kms_key: str | None = None,
    *,
    version: str = "1.34",
    subnets: Sequence[str] = ("subnet-a", "subnet-b"),
) -> tuple[list[Declared], Monitor]:
    def program() -> None:
        Nodes(
            "nodes",
            settings=PoolsSettings(pools=dict(pools)),
            account=ACCOUNT,
            cluster="groundwork-dev",
            cluster_name="groundwork-dev",
            security_group="sg-1",
            version=version,
            subnets=subnets,
            kms_key=kms_key,
            tags=TAGS,
            key="groundwork:foundation.nodes.pools",
            labels=Labels(environment="dev", owner="someone"),
        )

    recorder, monitor = declare(program)
    return recorder.declared, monitor


def kind(each: Declared) -> str:
    return each.type.rpartition(":")[2]


def of_kind(resources: list[Declared], name: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in resources if kind(each) == name}


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()[0]


def test_a_pool_for_the_system_and_karpenters_parts_are_declared(resources: list[Declared]) -> None:
    assert Counter(kind(each) for each in resources) == {
        "Nodes": 1,
        "Tag": 1,
        "Role": 1,
        "InstanceProfile": 1,
        "RolePolicyAttachment": 3,
        "AccessEntry": 1,
        "LaunchTemplate": 1,
        "NodeGroup": 1,
        "Queue": 1,
        "QueuePolicy": 1,
        "EventRule": 4,
        "EventTarget": 4,
    }


def test_everything_that_takes_tags_has_all_of_them_and_a_name(resources: list[Declared]) -> None:
    for each in resources:
        if kind(each) not in UNTAGGED:
            assert each.inputs["tags"].items() >= TAGS.items(), str(each)
            assert each.inputs["tags"]["Name"].startswith("groundwork-dev"), str(each)
    (template,) = of_kind(resources, "LaunchTemplate").values()
    for each in template["tagSpecifications"]:
        assert each["tags"].items() >= TAGS.items()


def test_the_node_group_is_what_the_declaration_says(resources: list[Declared]) -> None:
    (group,) = of_kind(resources, "NodeGroup").values()
    assert group["scalingConfig"] == {"minSize": 2, "maxSize": 3, "desiredSize": 2}
    assert group["capacityType"] == "ON_DEMAND"
    assert group["subnetIds"] == ["subnet-a", "subnet-b"]
    assert group["labels"]["groundwork.dev/purpose"] == "system"
    assert "m7i.large" in group["instanceTypes"]


def test_pods_get_nothing_from_the_metadata_service_and_disks_are_encrypted() -> None:
    (template,) = of_kind(declared(kms_key=KEY)[0], "LaunchTemplate").values()
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    (device,) = template["blockDeviceMappings"]
    assert (device["ebs"]["encrypted"], device["ebs"]["kmsKeyId"]) == ("true", KEY)


def test_nodes_of_another_size_are_there_before_the_old_ones_go() -> None:
    """A group can't change its types: one of another name takes its place."""

    def name(pool: PoolSettings) -> str:
        (group,) = of_kind(declared({"system": pool})[0], "NodeGroup").values()
        return group["nodeGroupName"]

    before = name(POOLS["system"])
    assert name(changed("system", shape={"cpu": 4, "memory": "16Gi"})) != before
    assert name(changed("system", max=9, labels={"a": "b"}, disk="200Gi")) == before
    assert before.startswith("groundwork-dev-system-")


def test_nodes_in_another_zone_are_a_group_of_another_name() -> None:
    """A group can't change its subnets either, and EKS takes no second one of the same name beside it."""
    names = {
        of_kind(declared(subnets=subnets)[0], "NodeGroup")["nodes-system"]["nodeGroupName"]
        for subnets in (("a", "b"), ("a", "b", "c"))
    }
    assert len(names) == 2


def test_more_nodes_at_least_are_asked_for_at_once() -> None:
    """EKS refuses a smallest size above the size that a group has."""
    group = of_kind(declared({"system": changed("system", min=3)})[0], "NodeGroup")["nodes-system"]
    assert group["scalingConfig"] == {"minSize": 3, "maxSize": 3, "desiredSize": 3}
    assert declared()[1].ignored == {}


def test_nodes_follow_the_version_of_their_cluster() -> None:
    assert of_kind(declared(version="1.35")[0], "NodeGroup")["nodes-system"]["version"] == "1.35"


def test_nodes_join_by_one_role_that_pods_do_not_get(resources: list[Declared]) -> None:
    (entry,) = of_kind(resources, "AccessEntry").values()
    assert entry["type"] == "EC2_LINUX"
    attached = {each["policyArn"] for each in of_kind(resources, "RolePolicyAttachment").values()}
    assert attached == {f"arn:aws:iam::aws:policy/{each}" for each in policy.NODE_POLICIES}
    (trust,) = statements(of_kind(resources, "Role")["nodes-node"]["assumeRolePolicy"])
    assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_karpenter_finds_the_clusters_security_group(resources: list[Declared]) -> None:
    (tag,) = of_kind(resources, "Tag").values()
    assert tag == {"resourceId": "sg-1", "key": "karpenter.sh/discovery", "value": "groundwork-dev"}


def test_every_event_goes_to_the_queue(resources: list[Declared]) -> None:
    rules = of_kind(resources, "EventRule")
    targets = of_kind(resources, "EventTarget")
    assert {each["rule"] for each in targets.values()} == {each["name"] for each in rules.values()}
    patterns = {json.loads(each["eventPattern"])["detail-type"][0] for each in rules.values()}
    assert patterns == {detail_type for _, detail_type in policy.EVENTS.values()}


def test_the_queue_takes_events_by_its_own_rules_and_nothing_without_tls(resources: list[Declared]) -> None:
    (queue,) = of_kind(resources, "Queue").values()
    assert queue["sqsManagedSseEnabled"] is True
    (rights,) = of_kind(resources, "QueuePolicy").values()
    comes, denied = statements(rights["policy"])
    assert comes["Principal"] == {"Service": "events.amazonaws.com"}
    rules = [each["name"] for each in of_kind(resources, "EventRule").values()]
    (sources,) = comes["Condition"]["ArnEquals"].values()
    assert sources == [f"arn:aws:events:eu-west-1:123456789012:rule/{name}" for name in rules]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def rights(kms_key: str | None = None, *, spot: bool = False) -> list[Statement]:
    return policy.controller(ACCOUNT, cluster="groundwork-dev", kms_key=kms_key, spot=spot)


def test_an_account_without_the_role_of_spot_gets_it_with_its_first_spot_node() -> None:
    def found(spot: bool) -> list[Statement]:
        return [each for each in rights(spot=spot) if "iam:CreateServiceLinkedRole" in each["Action"]]

    (makes,) = found(spot=True)
    assert makes["Resource"] == [
        "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
    ]
    assert makes["Condition"] == {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
    assert found(spot=False) == []


def test_karpenter_ends_only_what_is_the_clusters() -> None:
    (ends,) = (each for each in rights() if "ec2:TerminateInstances" in each["Action"])
    assert ends["Condition"] == {"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/groundwork-dev": "owned"}}


def test_karpenter_starts_only_what_it_marks_as_the_clusters() -> None:
    marked = {
        "aws:RequestTag/kubernetes.io/cluster/groundwork-dev": "owned",
        "aws:RequestTag/eks:eks-cluster-name": "groundwork-dev",
    }
    (made,) = (each for each in rights() if "ec2:CreateLaunchTemplate" in each["Action"])
    assert made["Condition"]["StringEquals"] == marked
    (used,) = (each for each in rights() if each["Action"] == ["ec2:RunInstances", "ec2:CreateFleet"])
    assert not any(":instance/" in each or ":volume/" in each for each in used["Resource"])


def test_karpenter_writes_nowhere_without_a_condition_or_a_name() -> None:
    reads = ("Describe", "Get", "List")
    for each in rights(KEY):
        assert each["Effect"] == "Allow"
        writes = [action for action in each["Action"] if not action.partition(":")[2].startswith(reads)]
        if writes and set(writes) != {"ec2:RunInstances", "ec2:CreateFleet"}:
            named = all("*" not in cast(str, resource).rpartition(":")[2] for resource in each["Resource"])
            assert named or "Condition" in each, each
    assert not {action for each in rights(KEY) for action in each["Action"] if action.endswith(":*")}


def test_karpenter_hands_nodes_no_other_role() -> None:
    (passes,) = (each for each in rights() if each["Action"] == ["iam:PassRole"])
    assert passes["Resource"] == ["arn:aws:iam::123456789012:role/groundwork-dev-node"]
    assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def test_the_key_of_volumes_is_used_by_ec2_alone_and_only_where_there_is_one() -> None:
    assert not [each for each in rights() if any(action.startswith("kms:") for action in each["Action"])]
    with_key = [each for each in rights(KEY) if any(action.startswith("kms:") for action in each["Action"])]
    assert len(with_key) == 2
    for each in with_key:
        assert each["Resource"] == [KEY]
        assert each["Condition"]["StringEquals"] == {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}


def test_a_policy_is_small_enough_for_iam() -> None:
    """An inline policy of a role has 10,240 characters at most, without white space: IAM's quotas."""
    statements = policy.controller(ACCOUNT, cluster="groundwork-" + "x" * 40, kms_key=KEY, spot=True)
    assert len(document_of(*statements).replace(" ", "")) < 10_240


def test_without_a_pool_for_the_system_nothing_is_begun() -> None:
    with pytest.raises(UserError, match=r"^groundwork:foundation.nodes.pools has no pool of purpose system"):
        declared({"general": POOLS["general"]})

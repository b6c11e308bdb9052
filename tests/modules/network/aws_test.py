"""What the network's component declares on AWS, seen through the engine's mocks."""

import json
from collections import Counter
from ipaddress import IPv4Network
from typing import Any

import pytest

from modules.core.aws import AwsAccount
from modules.core.labels import Labels
from modules.core.protection import safeguards
from modules.network.aws import Network
from modules.network.settings import REQUIRED_WITHOUT_NAT, NetworkSettings
from tests.mocks import Declared, declare

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}
UNTAGGED = {"Route", "RouteTableAssociation", "RolePolicy", "Alias", "Network"}
"""Kinds that take no tags."""


def declared(**values: Any) -> list[Declared]:
    settings = NetworkSettings(**values)

    def program() -> None:
        Network(
            "network",
            settings=settings,
            account=ACCOUNT,
            cluster="groundwork-dev",
            zones=[f"eu-west-1{letter}" for letter in "abcd"[: settings.zones]],
            safeguards=safeguards("full"),
            tags=TAGS,
            labels=Labels(environment="dev", owner="someone"),
        )

    return declare(program)[0].declared


def kind(each: Declared) -> str:
    return each.type.rpartition(":")[2]


def of_kind(resources: list[Declared], name: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in resources if kind(each) == name}


def test_a_network_of_two_zones_has_these_resources() -> None:
    assert Counter(kind(each) for each in declared()) == {
        "Network": 1,
        "Vpc": 1,
        "DefaultSecurityGroup": 1,
        "Subnet": 6,
        "InternetGateway": 1,
        "RouteTable": 4,
        "Route": 3,
        "RouteTableAssociation": 6,
        "Eip": 1,
        "NatGateway": 1,
        "VpcEndpoint": 1,
        "Key": 1,
        "Alias": 1,
        "LogGroup": 1,
        "Role": 1,
        "RolePolicy": 1,
        "FlowLog": 1,
    }


def test_everything_that_takes_tags_has_all_of_them_and_a_name() -> None:
    for each in declared(endpoints=list(REQUIRED_WITHOUT_NAT), nat="per-zone"):
        if kind(each) not in UNTAGGED:
            assert each.inputs["tags"].items() >= TAGS.items(), str(each)
            assert each.inputs["tags"]["Name"].startswith("groundwork-dev-"), str(each)


def test_the_default_security_group_lets_nothing_pass() -> None:
    (group,) = of_kind(declared(), "DefaultSecurityGroup").values()
    assert not group.get("ingress")
    assert not group.get("egress")


def test_subnets_are_in_their_zones_and_none_gives_public_addresses() -> None:
    subnets = of_kind(declared(zones=3), "Subnet")
    zones = {name: each["availabilityZone"] for name, each in subnets.items()}
    assert zones["network-private-2"] == zones["network-public-2"] == zones["network-intra-2"] == "eu-west-1c"
    assert not any(each["mapPublicIpOnLaunch"] for each in subnets.values())
    assert all(IPv4Network(each["cidrBlock"]).subnet_of(IPv4Network("10.40.0.0/16")) for each in subnets.values())


def test_load_balancers_and_karpenter_find_their_subnets() -> None:
    tags = {name: each["tags"] for name, each in of_kind(declared(), "Subnet").items()}
    assert tags["network-public-0"]["kubernetes.io/role/elb"] == "1"
    assert tags["network-private-1"]["kubernetes.io/role/internal-elb"] == "1"
    discovered = {name for name, each in tags.items() if each.get("karpenter.sh/discovery") == "groundwork-dev"}
    assert discovered == {"network-private-0", "network-private-1"}


@pytest.mark.parametrize(
    ("nat", "ways"),
    [
        ("none", {}),
        ("one", {"network-private-0-out": "network-nat-0", "network-private-1-out": "network-nat-0"}),
        ("per-zone", {"network-private-0-out": "network-nat-0", "network-private-1-out": "network-nat-1"}),
    ],
)
def test_private_subnets_have_the_way_out_that_was_said(nat: str, ways: dict[str, str]) -> None:
    resources = declared(nat=nat, endpoints=list(REQUIRED_WITHOUT_NAT))
    routes = of_kind(resources, "Route")
    assert {name: each["natGatewayId"] for name, each in routes.items() if "natGatewayId" in each} == ways
    gateways = of_kind(resources, "NatGateway")
    assert set(gateways) == set(ways.values())
    for name, each in gateways.items():
        assert each["subnetId"] == f"network-public-{name[-1]}"
    outside = {name for name, each in routes.items() if "gatewayId" in each}
    assert outside == {"network-public-out"}


def test_intra_subnets_have_no_way_out() -> None:
    resources = declared(zones=3, nat="per-zone")
    routed = {each["routeTableId"] for each in of_kind(resources, "Route").values()}
    tables = {name: each["routeTableId"] for name, each in of_kind(resources, "RouteTableAssociation").items()}
    for zone in range(3):
        assert tables[f"network-intra-{zone}"] not in routed
        assert tables[f"network-private-{zone}"] in routed
        assert tables[f"network-public-{zone}"] in routed


def test_the_way_to_the_object_store_costs_nothing() -> None:
    (endpoint,) = of_kind(declared(), "VpcEndpoint").values()
    assert endpoint["serviceName"] == "com.amazonaws.eu-west-1.s3"
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert len(endpoint["routeTableIds"]) == 3


def test_endpoints_carry_nothing_out_to_another_account() -> None:
    endpoints = of_kind(declared(endpoints=["ecr.api", "eks", "sts"]), "VpcEndpoint")
    own, reads = json.loads(endpoints["network-s3"]["policy"])["Statement"]
    assert own["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    assert not any(word in action for action in reads["Action"] for word in ("Put", "Delete", "*"))
    (caller,) = json.loads(endpoints["network-ecr.api"]["policy"])["Statement"]
    assert caller["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    _, by_token = json.loads(endpoints["network-sts"]["policy"])["Statement"]
    assert by_token["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert by_token["Resource"] == ["arn:aws:iam::123456789012:role/*"]
    assert "policy" not in endpoints["network-eks"]


def test_endpoints_are_open_to_the_network_alone() -> None:
    resources = declared(endpoints=["ecr.api", "sts"])
    endpoints = of_kind(resources, "VpcEndpoint")
    assert set(endpoints) == {"network-s3", "network-ecr.api", "network-sts"}
    sts = endpoints["network-sts"]
    assert sts["privateDnsEnabled"] is True
    assert sts["subnetIds"] == ["network-intra-0", "network-intra-1"]
    (rule,) = of_kind(resources, "SecurityGroupIngressRule").values()
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.40.0.0/16", 443, 443)
    assert rule["securityGroupId"] == sts["securityGroupIds"][0]


def test_connections_are_recorded_encrypted_and_for_as_long_as_was_said() -> None:
    resources = declared(flow_log_days=90)
    (group,) = of_kind(resources, "LogGroup").values()
    (log,) = of_kind(resources, "FlowLog").values()
    (key,) = of_kind(resources, "Key").values()
    assert (group["name"], group["retentionInDays"]) == ("/aws/vpc/groundwork-dev/flow-logs", 90)
    assert (log["trafficType"], log["vpcId"]) == ("ALL", "network-vpc")
    assert key["enableKeyRotation"] is True
    statements = json.loads(key["policy"])["Statement"]
    by_service = next(each for each in statements if "Service" in each["Principal"])
    assert by_service["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"] == [
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/groundwork-dev/flow-logs"
    ]


def test_the_role_of_the_records_is_for_this_account_and_this_group() -> None:
    resources = declared()
    (role,) = of_kind(resources, "Role").values()
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    (policy,) = of_kind(resources, "RolePolicy").values()
    writes = json.loads(policy["policy"])["Statement"][0]
    assert writes["Resource"] == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/groundwork-dev/flow-logs:*"]

"""What of an account's quotas is refused, by how much of it is there."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.exceptions import AWSError, ServiceException
from moto.ec2.models.instance_types import INSTANCE_TYPES

from embedded.aws.extension import quota_rules, quotas

ACCOUNT, REGION = "123456789012", "eu-west-1"
OWN = f"arn:aws:iam::{ACCOUNT}:policy"


def backend(**things: Any) -> Any:
    return SimpleNamespace(account_id=ACCOUNT, region_name=REGION, **things)


def some(number: int, **fields: Any) -> dict[int, Any]:
    return {each: SimpleNamespace(**fields) for each in range(number)}


def gateways(number: int, state: str) -> Any:
    zones = {"a": "eu-west-1a", "b": "eu-west-1b"}
    found = {**some(number, state=state, subnet_id="a"), "other": SimpleNamespace(state="available", subnet_id="b")}
    return backend(nat_gateways=found, get_subnet=lambda name: SimpleNamespace(availability_zone=zones[name]))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]


def endpoints(number: int, kind: str, vpc: str) -> Any:
    return backend(vpcs={"v": None}, vpc_end_points=some(number, state="available", vpc_endpoint_type=kind, vpc_id=vpc))


def subnets(number: int) -> Any:
    return backend(describe_subnets=lambda filters: [filters] * number)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]


HELD: list[tuple[Any, tuple[Any, ...], Any, Any, str]] = [
    # The rule, its arguments, what has room for one more, what has not, and AWS's code.
    (quota_rules.create_vpc, (), backend(vpcs=some(4)), backend(vpcs=some(5)), "VpcLimitExceeded"),
    (
        quota_rules.create_internet_gateway,
        (),
        backend(internet_gateways=some(4)),
        backend(internet_gateways=some(5)),
        "InternetGatewayLimitExceeded",
    ),
    (
        quota_rules.create_nat_gateway,
        ("a",),
        gateways(4, "available"),
        gateways(5, "pending"),
        "NatGatewayLimitExceeded",
    ),
    (quota_rules.create_subnet, ("v",), subnets(199), subnets(200), "SubnetLimitExceeded"),
    (
        quota_rules.create_vpc_endpoint,
        ("v", "s3"),
        endpoints(19, "Gateway", "v"),
        endpoints(20, "Gateway", "v"),
        "VpcEndpointLimitExceeded",
    ),
    (
        quota_rules.create_vpc_endpoint,
        ("v", "ecr", "Interface"),
        endpoints(50, "Interface", "w"),
        endpoints(50, "Interface", "v"),
        "VpcEndpointLimitExceeded",
    ),
    (
        quota_rules.allocate_address,
        (),
        backend(addresses=some(4)),
        backend(addresses=some(5)),
        "AddressLimitExceeded",
    ),
    (
        quota_rules.create_cluster,
        (),
        backend(clusters=some(99)),
        backend(clusters=some(100)),
        "ResourceLimitExceededException",
    ),
    (
        quota_rules.create_nodegroup,
        ("c",),
        backend(clusters={"c": SimpleNamespace(nodegroups=some(29))}),
        backend(clusters={"c": SimpleNamespace(nodegroups=some(30))}),
        "ResourceLimitExceededException",
    ),
    (
        quota_rules.create_db_instance,
        (),
        backend(databases=some(39)),
        backend(databases=some(40)),
        "InstanceQuotaExceeded",
    ),
    (
        quota_rules.create_bucket,
        (),
        backend(buckets=some(9999)),
        backend(buckets=some(10000)),
        "TooManyBuckets",
    ),
    (quota_rules.create_role, (), backend(roles=some(999)), backend(roles=some(1000)), "LimitExceeded"),
    (
        quota_rules.create_policy,
        (),
        backend(managed_policies=[OWN] * 1499 + ["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        backend(managed_policies=[OWN] * 1500),
        "LimitExceeded",
    ),
    (
        quota_rules.create_instance_profile,
        (),
        backend(instance_profiles=some(999)),
        backend(instance_profiles=some(1000)),
        "LimitExceeded",
    ),
]


@pytest.mark.parametrize(("rule", "arguments", "room", "full", "code"), HELD)
def test_what_exceeds_a_quota_is_refused(
    rule: Any, arguments: tuple[Any, ...], room: Any, full: Any, code: str
) -> None:
    rule(room, *arguments)
    with pytest.raises((AWSError, ServiceException)) as refused:
        rule(full, *arguments)
    error: Any = refused.value
    assert code in (getattr(error, "code", None), getattr(error, "TYPE", None))


def test_load_balancers_of_the_network_are_counted_alone() -> None:
    balancers = backend(load_balancers=some(50, loadbalancer_type="network"))
    quota_rules.create_load_balancer(balancers, loadbalancer_type="application")
    quota_rules.create_load_balancer(
        backend(load_balancers=some(60, loadbalancer_type="application")), loadbalancer_type="network"
    )
    with pytest.raises(Exception, match="The maximum number of load balancers has been reached"):
        quota_rules.create_load_balancer(balancers, loadbalancer_type="network")


def test_each_quota_of_the_table_is_held_by_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {*quota_rules.ON_DEMAND.values(), *quota_rules.SPOT.values()}
    plain = quotas.value

    def value(account: str, region: str, code: str) -> float:
        asked.add(code)
        return plain(account, region, code)

    monkeypatch.setattr(quotas, "value", value)
    for rule, arguments, room, *_ in HELD:
        rule(room, *arguments)
    quota_rules.create_load_balancer(backend(load_balancers={}), loadbalancer_type="network")
    assert asked == set(quotas.table())


@pytest.mark.parametrize(
    ("kind", "spot", "code"),
    [
        ("m6i.large", False, "L-1216C47A"),
        ("im4gn.large", False, "L-1216C47A"),
        ("t3.medium", True, "L-34B43A08"),
        ("g5.xlarge", False, "L-DB2E81BA"),
        ("gr6.4xlarge", True, "L-3819A6DF"),
        ("p5.48xlarge", False, "L-417A185B"),
        ("p4d.24xlarge", True, "L-7212CCBC"),
        ("p5en.48xlarge", True, "L-C4BD4855"),
        ("inf2.xlarge", False, "L-1945791B"),
        ("trn1.2xlarge", True, "L-6B0D517C"),
        ("u-6tb1.56xlarge", False, None),
        ("hpc6a.48xlarge", False, None),
    ],
)
def test_vcpus_count_for_the_quota_of_their_family(kind: str, spot: bool, code: str | None) -> None:
    assert quota_rules.vcpu_quota(kind, spot=spot) == code


def test_most_instance_types_count_for_a_quota() -> None:
    left_out = {kind.partition(".")[0] for kind in INSTANCE_TYPES if quota_rules.vcpu_quota(kind, spot=False) is None}
    assert {family.rstrip("0123456789abcdefghijklmnopqrstuvwxyz-") for family in left_out} == {""}
    assert {family[0] for family in left_out} <= set("dfhmux")

"""Quotas of an emulated account: what it may have, what it gets on request, and what it refuses until then."""

from collections.abc import Iterator
from typing import Any

import pytest

from embedded.providers.aws.account import Account
from embedded.providers.aws.invokes import INVOKES
from embedded.providers.aws.provider import Aws as Emulated
from embedded.providers.base import Object, ProviderError, Resource

from .account_test import refusal
from .conftest import clients, serving
from .search import Aws

VPCS = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
P_INSTANCES = {"ServiceCode": "ec2", "QuotaCode": "L-417A185B"}
IMAGE = "ami-12c6146b"
QUOTA = "aws:servicequotas/serviceQuota:ServiceQuota"
GET_QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an account of these tests alone: what is granted stays granted."""
    with serving("-I", "-m", "embedded.aws") as (found,):
        yield found


@pytest.fixture(scope="module")
def of_its_own(address: str) -> Aws:
    return clients(address)


def test_each_quota_is_shown_with_what_aws_gives_every_account(of_its_own: Aws) -> None:
    quotas = of_its_own("service-quotas")
    services = {each["ServiceCode"] for each in quotas.list_services()["Services"]}
    assert {"vpc", "ec2", "eks", "rds", "s3", "iam", "elasticloadbalancing"} == services
    for service in services:
        (now,) = quotas.get_paginator("list_service_quotas").paginate(ServiceCode=service)
        (default,) = quotas.get_paginator("list_aws_default_service_quotas").paginate(ServiceCode=service)
        codes = [each["QuotaCode"] for each in now["Quotas"]]
        assert codes == [each["QuotaCode"] for each in default["Quotas"]]
        for each in default["Quotas"]:
            names = {"ServiceCode": service, "QuotaCode": each["QuotaCode"]}
            assert quotas.get_aws_default_service_quota(**names)["Quota"] == each
            assert quotas.get_service_quota(**names)["Quota"]["Value"] >= each["Value"]
    assert quotas.get_aws_default_service_quota(**P_INSTANCES)["Quota"]["Value"] == 0
    assert quotas.get_service_quota(**P_INSTANCES)["Quota"]["Value"] == 768


def test_quotas_of_a_whole_account_are_known_in_one_region(address: str, of_its_own: Aws) -> None:
    asked = {"ServiceCode": "iam", "QuotaCode": "L-FE177D64"}
    assert of_its_own("service-quotas").get_service_quota(**asked)["Quota"]["GlobalQuota"]
    elsewhere = clients(address, "eu-west-1")("service-quotas")
    assert "NoSuchResourceException" in refusal(elsewhere.get_service_quota, **asked)
    assert "iam" not in {each["ServiceCode"] for each in elsewhere.list_services()["Services"]}
    unknown = {"ServiceCode": "vpc", "QuotaCode": "L-00000000"}
    assert "NoSuchResourceException" in refusal(elsewhere.get_service_quota, **unknown)


def test_a_vpc_too_many_is_refused_until_more_are_asked_for(address: str) -> None:
    aws = clients(address, "eu-west-3")
    ec2, quotas = aws("ec2"), aws("service-quotas")
    for number in range(4):  # beside the default one
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    assert "VpcLimitExceeded" in refusal(ec2.create_vpc, CidrBlock="10.9.0.0/16")
    for wrong in (4, 5):
        assert "greater than the current" in refusal(quotas.request_service_quota_increase, **VPCS, DesiredValue=wrong)
    asked = quotas.request_service_quota_increase(**VPCS, DesiredValue=6)["RequestedQuota"]
    assert quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"] == asked
    (listed,) = quotas.list_requested_service_quota_change_history_by_quota(**VPCS)["RequestedQuotas"]
    assert listed == asked
    assert quotas.list_requested_service_quota_change_history(ServiceCode="ec2")["RequestedQuotas"] == []
    assert asked["Status"] == "APPROVED"
    ec2.create_vpc(CidrBlock="10.9.0.0/16")
    assert "VpcLimitExceeded" in refusal(ec2.create_vpc, CidrBlock="10.10.0.0/16")
    gateways = quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-A4707A72")["Quota"]["Value"]
    assert gateways == 6  # internet gateways grow with the VPCs
    elsewhere = clients(address, "eu-west-1")("service-quotas")
    assert elsewhere.get_service_quota(**VPCS)["Quota"]["Value"] == 5


def test_addresses_and_gateways_too_many_are_refused(address: str) -> None:
    ec2 = clients(address, "eu-west-2")("ec2")
    made = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(5)]
    assert "AddressLimitExceeded" in refusal(ec2.allocate_address, Domain="vpc")
    ec2.release_address(AllocationId=made.pop())
    made.append(ec2.allocate_address(Domain="vpc")["AllocationId"])
    one, other = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
    gateways = [ec2.create_nat_gateway(SubnetId=one, AllocationId=each)["NatGateway"]["NatGatewayId"] for each in made]
    private = {"ConnectivityType": "private"}
    assert "NatGatewayLimitExceeded" in refusal(ec2.create_nat_gateway, SubnetId=one, **private)
    ec2.create_nat_gateway(SubnetId=other, **private)
    ec2.delete_nat_gateway(NatGatewayId=gateways[0])
    ec2.create_nat_gateway(SubnetId=one, **private)


def machines(number: int, kind: str = "p5.48xlarge", **more: Any) -> dict[str, Any]:
    return {"ImageId": IMAGE, "InstanceType": kind, "MinCount": number, "MaxCount": number, **more}


def test_instances_are_held_to_their_vcpus(address: str) -> None:
    aws = clients(address, "us-west-2")
    ec2 = aws("ec2")
    (first, *_) = ec2.run_instances(**machines(4))["Instances"]
    assert "VcpuLimitExceeded" in refusal(ec2.run_instances, **machines(1))
    spot: Any = {"InstanceMarketOptions": {"MarketType": "spot"}}
    ec2.run_instances(**machines(4, **spot))
    assert "MaxSpotInstanceCountExceeded" in refusal(ec2.run_instances, **machines(1, **spot))
    ec2.run_instances(**machines(1, "g5.xlarge"))
    template = {"LaunchTemplateName": "large", "LaunchTemplateData": {"InstanceType": "p5.48xlarge", "ImageId": IMAGE}}
    ec2.create_launch_template(**template)
    by_template = {"LaunchTemplate": {"LaunchTemplateName": "large"}, "MinCount": 1, "MaxCount": 1}
    assert "VcpuLimitExceeded" in refusal(ec2.run_instances, **by_template)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    ec2.run_instances(**by_template)
    aws("service-quotas").request_service_quota_increase(**P_INSTANCES, DesiredValue=960)
    ec2.run_instances(**machines(1))


def resource(last: Object | None = None) -> Resource:
    return Resource(f"urn:pulumi:quotas::small::{QUOTA}::subnets", QUOTA, "subnets", last or {})


def test_a_program_asks_for_more_and_is_shown_what_the_account_has(address: str) -> None:
    provider = Emulated(Account(endpoint=address))
    inputs: Object = {"serviceCode": "vpc", "quotaCode": "L-407747CB", "value": 250, "region": "us-east-1"}
    before = provider.check(resource(), inputs).inputs
    made = provider.create(resource(), before, preview=False)
    assert made.id == "vpc/L-407747CB"
    seen = {name: made.properties[name] for name in ("value", "defaultValue", "requestStatus", "quotaName")}
    assert seen == {"value": 250, "defaultValue": 200, "requestStatus": "APPROVED", "quotaName": "Subnets per VPC"}
    assert provider.create(resource(), before, preview=False).properties["value"] == 250
    after = provider.check(resource(before), {**inputs, "value": 300}).inputs
    assert set(provider.diff(resource(), made.properties, before, after).changes) == {"value"}
    changed = provider.update(resource(), made.id, state=made.properties, new=after, preview=False)
    assert changed["value"] == 300
    less = provider.check(resource(after), {**inputs, "value": 100}).inputs
    with pytest.raises(ProviderError, match="greater than the current quota value"):
        provider.update(resource(), made.id, state=changed, new=less, preview=False)
    provider.delete(resource(), made.id, changed)
    asked = INVOKES[GET_QUOTA](Account(endpoint=address), {"serviceCode": "vpc", "quotaName": "Subnets per VPC"})
    assert (asked["value"], asked["defaultValue"], asked["quotaCode"]) == (300, 200, "L-407747CB")
    with pytest.raises(ProviderError, match="vpc has no quota Goats"):
        INVOKES[GET_QUOTA](Account(endpoint=address), {"serviceCode": "vpc", "quotaName": "Goats"})
    provider.end()


def test_a_program_that_asks_for_less_changes_nothing(address: str) -> None:
    provider = Emulated(Account(endpoint=address))
    inputs: Object = {"serviceCode": "rds", "quotaCode": "L-7B6409FD", "value": 10, "region": "us-east-1"}
    made = provider.create(resource(), provider.check(resource(), inputs).inputs, preview=False)
    assert made.properties["value"] == 40
    provider.end()

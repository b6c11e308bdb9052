"""What a run that was killed made and noted nowhere: the next one goes on with it, whatever it wants by then."""

from typing import Any

import pytest

from embedded.providers.aws.account import Account
from embedded.providers.aws.provider import Aws as Emulated
from embedded.providers.base import Created, Object, Resource

from .search import Aws, left

VPC = "aws:ec2/vpc:Vpc"
ROLE = "aws:iam/role:Role"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


class Run:
    """One run of the engine, which ends in good order or not at all."""

    def __init__(self, address: str) -> None:
        self.provider = Emulated(Account(endpoint=address))

    def create(self, type: str, inputs: Object) -> Created:
        made = resource(type)
        return self.provider.create(made, self.provider.check(made, inputs).inputs, preview=False)


def resource(type: str, **more: Any) -> Resource:
    return Resource(f"urn:pulumi:killed::small::{type}::it", type, "it", **more)


@pytest.fixture
def vpc() -> Object:
    return {"cidrBlock": "10.46.0.0/16", "tags": {"a": "1"}}


def delete(address: str, type: str, made: Created) -> None:
    Run(address).provider.delete(resource(type), made.id, made.properties)


def test_it_is_changed_in_place_where_that_can_be(account: str, vpc: Object) -> None:
    first = Run(account).create(VPC, vpc)
    second = Run(account).create(VPC, {**vpc, "enableDnsHostnames": True, "tags": {"b": "2"}})
    assert second.id == first.id
    assert second.properties["enableDnsHostnames"] is True
    assert second.properties["tagsAll"] == {"b": "2"}
    delete(account, VPC, second)


@pytest.mark.parametrize(
    ("type", "one", "other"),
    [
        (VPC, {"cidrBlock": "10.46.0.0/16"}, {"cidrBlock": "10.47.0.0/16"}),
        (ROLE, {"name": "one", "assumeRolePolicy": TRUST}, {"name": "two", "assumeRolePolicy": TRUST}),
        (ROLE, {"assumeRolePolicy": TRUST}, {"assumeRolePolicy": TRUST, "path": "/other/"}),
    ],
)
def test_it_goes_where_another_one_is_wanted(account: str, aws: Aws, type: str, one: Object, other: Object) -> None:
    before = left(aws)
    first, second = Run(account).create(type, one), Run(account).create(type, other)
    assert second.id != first.id
    delete(account, type, second)
    assert left(aws) == before


def test_a_replacement_that_was_killed_is_made_once(account: str, aws: Aws, vpc: Object) -> None:
    before = left(aws)
    run = Run(account)
    first = run.create(VPC, vpc)
    run.provider.end()
    wanted = {**vpc, "cidrBlock": "10.48.0.0/16"}
    made = set[str]()
    for _ in range(2):
        again = Run(account)
        known = resource(VPC, last=vpc, id=first.id)
        inputs = again.provider.check(known, wanted).inputs
        assert "cidrBlock" in again.provider.diff(known, first.properties, vpc, inputs).replaces
        made.add(again.create(VPC, wanted).id)
    (second,) = made
    assert second != first.id
    for id in (first.id, second):
        aws("ec2").delete_vpc(VpcId=id)
    assert left(aws) == before


def test_what_the_state_has_is_not_taken_for_it(account: str, vpc: Object) -> None:
    run = Run(account)
    first = run.create(VPC, vpc)
    run.provider.end()
    second = Run(account).create(VPC, vpc)
    assert second.id != first.id
    for made in (first, second):
        delete(account, VPC, made)

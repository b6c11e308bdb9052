"""What a program no longer asks for is taken away from the account, and is not left as it was."""

from typing import Any

import pytest

from embedded.providers.aws.account import Account
from embedded.providers.aws.provider import Aws as Emulated
from embedded.providers.base import Object, Resource

TRUST = '{"Version": "2012-10-17", "Statement": []}'
ROLE: Object = {"name": "removed", "assumeRolePolicy": TRUST}
INSTANCE: Object = {
    "identifier": "removed",
    "engine": "postgres",
    "engineVersion": "17",
    "instanceClass": "db.t4g.medium",
    "allocatedStorage": 20,
    "username": "platform",
    "manageMasterUserPassword": True,
    "skipFinalSnapshot": True,
}


@pytest.mark.parametrize(
    ("type", "inputs", "more", "without"),
    [
        ("aws:iam/role:Role", ROLE, {"description": "of a team"}, (None, "")),
        ("aws:iam/role:Role", ROLE, {"permissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, (None,)),
        ("aws:rds/instance:Instance", INSTANCE, {"deletionProtection": True}, (False,)),
        ("aws:rds/instance:Instance", INSTANCE, {"iamDatabaseAuthenticationEnabled": True}, (False,)),
        (
            "aws:ecr/repository:Repository",
            {"name": "removed"},
            {"imageScanningConfiguration": {"scanOnPush": True}},
            ({"scanOnPush": False},),
        ),
        ("aws:athena/workgroup:Workgroup", {"name": "removed"}, {"description": "of a team"}, (None, "")),
    ],
)
def test_it_is_taken_away(account: str, type: str, inputs: Object, more: Object, without: tuple[Any, ...]) -> None:
    ((name, value),) = more.items()
    provider = Emulated(Account(endpoint=account))
    resource = Resource(f"urn:pulumi:removed::small::{type}::{name}", type, name)
    before = provider.check(resource, {**inputs, **more}).inputs
    made = provider.create(resource, before, preview=False)
    assert made.properties[name] == value
    after = provider.check(Resource(resource.urn, type, name, before), inputs).inputs
    assert set(provider.diff(resource, made.properties, before, after).changes) == {name}
    changed = provider.update(resource, made.id, state=made.properties, new=after, preview=False)
    assert changed[name] in without
    provider.delete(resource, made.id, changed)
    provider.end()

"""A foundation that one stack makes and another one deploys services on: what is handed over, and what is refused."""

import json
from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter

from modules.core.aws import AwsAccount, TokenIssuer
from modules.core.contracts import Reach
from modules.core.errors import UserError
from modules.core.naming import content_hash
from stacks.configuration import parse
from stacks.foundation.handover import (
    OUTPUT,
    VERSION,
    ClusterAccess,
    DatabaseServer,
    Handover,
    accept,
    document,
)
from stacks.foundation.stack_settings import StackSettings
from tests.neighbours import CLOUD_DATABASE, CLOUD_ENTRY, CLOUD_STORE, CLUSTER, REGISTRY

GIVEN = StackSettings(stack="prod")
SHAPE = "944e0e4172"
"""Of what is handed over by this VERSION."""


def handover(**changes: Any) -> Handover:
    values: dict[str, Any] = {
        "version": VERSION,
        "environment": "prod",
        "services_stack": "prod-services",
        "account": AwsAccount(partition="aws", id="123456789012", region="eu-west-1"),
        "tags": {"environment": "prod", "owner": "team"},
        "cluster": CLUSTER,
        "access": ClusterAccess(endpoint="https://cluster.example", ca="Y2E="),
        "registry": REGISTRY,
        "object_store": CLOUD_STORE,
        "database": CLOUD_DATABASE,
        "server": DatabaseServer(address="db.example", password_secret="arn:aws:secretsmanager:1", ca="pem"),
        "issuer": TokenIssuer(provider="arn:aws:iam::123456789012:oidc-provider/one", url="oidc.example/id/1"),
        "tokens": Reach(port=443, ranges=["52.94.0.0/22"]),
        "entry": CLOUD_ENTRY,
    }
    return Handover(**{**values, **changes})


def accepted(output: Any, *, secrets: tuple[str, ...] = (), stack: str = "prod-services") -> Handover:
    return accept({OUTPUT: output}, [*secrets], given=GIVEN, stack=stack)


def test_the_contracts_arrive_as_they_were_handed_over() -> None:
    given = json.loads(document(handover()))
    assert json.loads(document(accepted(document(handover())))) == given
    assert accepted(document(handover())).object_store.endpoint == CLOUD_STORE.endpoint


def test_another_shape_of_what_is_handed_over_has_another_version() -> None:
    schema = json.loads(json.dumps(TypeAdapter(Handover).json_schema()))
    for each in (schema, *schema["$defs"].values()):
        each.pop("description", None)
    assert content_hash(schema) == SHAPE, "raise VERSION in stacks/foundation/handover.py, and set SHAPE here"


def test_no_secret_is_handed_over() -> None:
    names = {field.name for field in fields(Handover)} | {field.name for field in fields(DatabaseServer)}
    assert not {name for name in names if name in ("password", "token", "kubeconfig", "secret_key")}


def without(key: str) -> str:
    return json.dumps({name: value for name, value in json.loads(document(handover())).items() if name != key})


REFUSED: list[tuple[Any, str]] = [
    ("", "whose output 'foundation' is of version None of the contracts; this program reads 1: bring up both stacks"),
    ("[1]", "is of version None"),
    (document(handover(version=0)), "is of version 0 of the contracts"),
    (without("registry"), "lacks or spoils registry (Field required): bring that stack up again"),
    (
        document(handover(environment="dev")),
        "which was brought up as environment 'dev': a stack's environment has its name: rename the stack back",
    ),
    (
        document(handover(services_stack="others")),
        "whose foundation.services_stack is 'others': only that stack deploys services on it: set it to 'prod-serv",
    ),
]


@pytest.mark.parametrize(("output", "reason"), REFUSED)
def test_what_is_handed_over_wrongly_is_refused_with_what_to_do(output: Any, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        accepted(output)
    assert str(refused.value).startswith("groundwork:foundation.stack is 'prod', w")
    assert reason in str(refused.value)


def test_a_stack_that_hands_nothing_over_is_refused() -> None:
    reason = "has no output 'foundation' that is not secret: set foundation.services_stack: prod-services in that stack"
    with pytest.raises(UserError, match=reason):
        accept({"urls": {}}, [], given=GIVEN, stack="prod-services")
    with pytest.raises(UserError, match=reason):
        accepted(document(handover()), secrets=(OUTPUT,))


@pytest.mark.parametrize("stack", ["prod", "acme/groundwork/prod"])
def test_the_environment_is_the_foundations(stack: str) -> None:
    settings = parse({"groundwork:foundation": {"stack": stack}, "groundwork:workloads": {"iris": {}}}, source="test")
    assert settings.of_stack is not None
    assert settings.foundation.environment("prod-services") == "prod"
    assert "postgresql" in {image.name for image in settings.images()}
    assert "prod-database" in settings.namespaces("prod")


def foundation(**more: Any) -> dict[str, Any]:
    return {"groundwork:foundation": {"stack": "prod", **more}}


SETTINGS: list[tuple[dict[str, Any], str]] = [
    (
        foundation(target="aws"),
        "groundwork:foundation.stack is 'prod', but foundation has target too, as a foundation of its own has: remove",
    ),
    (foundation(network={"zones": 2}), "foundation has network too"),
    (foundation(region="eu-west-1", account="1"), "foundation has account, region too"),
    ({"groundwork:foundation": {"target": "stack"}}, "groundwork:foundation.stack: missing; Stack that made"),
    (
        {"groundwork:foundation": {"stack": "acme/other/prod"}},
        "foundation.stack is 'acme/other/prod': that is a stack of project 'other', and contracts come from stacks of "
        "project 'groundwork' alone: name such a one, NAME or ORGANIZATION/groundwork/NAME",
    ),
    ({"groundwork:foundation": {"stack": "a/b"}}, "groundwork:foundation.stack is 'a/b': String should match"),
]


@pytest.mark.parametrize(("config", "reason"), SETTINGS)
def test_a_foundation_is_another_stacks_or_ones_own(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(config, source="test")
    assert reason in str(refused.value)


def test_bounds_of_namespaces_are_of_who_makes_them() -> None:
    assert parse(foundation(quota=None), source="test").foundation.namespace_quota is None
    assert parse(foundation(target="stack"), source="test").of_stack

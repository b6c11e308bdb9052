"""A platform of two stacks, the foundation's and the services': together what one stack makes."""

import json
from typing import Any

import pulumi
import pytest

from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.identity.access import differences, matrix
from modules.storage.aws import key_alias
from stacks.compose import build
from stacks.configuration import parse
from stacks.foundation import Foundation
from stacks.foundation.handover import OUTPUT, accept
from stacks.foundation.stack_aws import deploy_on
from stacks.settings import PlatformSettings
from tests.mocks import Declared, Monitor, Recorder

from .aws_platform import deployed, example, with_pools
from .conftest import ENVIRONMENT, Platform, make_pins

SERVICES = "local-services"
GROUPS = ("groundwork:workloads", "groundwork:jenkins")
"""Of the examples: what the stack of the services says."""
Key = tuple[str, str]


def together() -> dict[str, Any]:
    """The settings of one stack that makes all of it: what two can't have is not in it."""
    config = with_pools("aws-prod")
    del config["groundwork:foundation"]["lake"]
    return config


def halves() -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of the foundation's stack, and of the services'."""
    whole = together()
    services = {key: whole.pop(key) for key in GROUPS if key in whole}
    whole["groundwork:foundation"]["services_stack"] = SERVICES
    shared = {key: whole[key] for key in ("groundwork:owner", "groundwork:protect_data") if key in whole}
    return whole, {**shared, **services, "groundwork:foundation": {"stack": ENVIRONMENT}}


@pytest.fixture(scope="module")
def below() -> Platform:
    return deployed(halves()[0])


@pytest.fixture(scope="module")
def above(below: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The stack of the services, on what the other one handed over."""
    settings = parse(halves()[1], source="test")
    assert settings.of_stack is not None
    handed = accept(below.outputs, [], given=settings.of_stack, stack=SERVICES)

    def deploy(settings: PlatformSettings, labels: Labels, consumers: Any) -> Foundation:
        return deploy_on(handed, settings, labels, consumers)

    recorder = Recorder()
    monitor = Monitor(recorder)
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        make_pins(tmp_path_factory.mktemp("stacks"), patch)
        patch.setattr("stacks.compose.deploy_foundation", deploy)
        pulumi.runtime.set_mocks(recorder, project="groundwork", stack=SERVICES, monitor=monitor)

        @pulumi.runtime.test
        def declare() -> pulumi.Output[None]:
            made = build(settings, settings.foundation.environment(SERVICES))
            return pulumi.Output.from_input(made).apply(outputs.update)

        declare()
    return Platform(recorder.declared, outputs, monitor)


def made(platform: Platform) -> dict[Key, Declared]:
    """What is made, without the components that hold it and the ways to it."""
    return {
        (each.type, each.name): each
        for each in platform.declared
        if not each.type.startswith(("groundwork:", "pulumi:providers:"))
    }


def test_both_together_make_what_one_stack_makes(below: Platform, above: Platform) -> None:
    one = made(deployed(together()))
    first, second = made(below), made(above)
    assert first.keys() & second.keys() == set()
    assert first.keys() | second.keys() == one.keys()
    handed = {**first, **second}
    assert {key for key, each in one.items() if handed[key].inputs != each.inputs} == set()


def test_the_foundation_holds_the_account_and_the_services_hold_what_is_theirs(
    below: Platform, above: Platform
) -> None:
    assert {each.inputs["metadata"]["name"] for each in below.declared if each.type.endswith("core/v1:Namespace")} == {
        f"{ENVIRONMENT}-nodes"
    }
    kinds = {each.type for each in above.declared if each.type.startswith("aws:")}
    assert kinds == {"aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"}
    assert below.outputs["urls"] == {}
    assert above.outputs["urls"]


def test_roles_are_made_by_the_stack_that_declares_who_has_them_with_exactly_what_it_declares(
    below: Platform, above: Platform
) -> None:
    settings = parse(halves()[1], source="test")
    assert settings.of_stack is not None
    handed = accept(below.outputs, [], given=settings.of_stack, stack=SERVICES)
    access = matrix(
        ENVIRONMENT,
        settings.consumers(),
        store=handed.object_store,
        account=handed.account,
        alias=key_alias(ENVIRONMENT),
        lake=None,
    )
    policies = {
        each.inputs["role"]: json.loads(each.inputs["policy"])["Statement"]
        for each in above.declared
        if each.type == "aws:iam/rolePolicy:RolePolicy"
    }
    assert access
    assert differences(access, policies) == []


def test_no_secret_crosses_from_one_stack_to_the_other(below: Platform) -> None:
    assert isinstance(below.outputs[OUTPUT], str)
    assert "made-by-rds" not in below.outputs[OUTPUT]
    assert "made-by-rds" not in str([each.inputs for each in below.declared])


@pytest.mark.parametrize("key", [*GROUPS, "groundwork:mlflow"])
def test_the_stack_of_the_foundation_says_nothing_of_services(key: str) -> None:
    config: dict[str, Any] = {**halves()[0], key: {}}
    name = key.partition(":")[2]
    with pytest.raises(UserError, match=f"{name} is given, but the stack that foundation.services_stack names deploys"):
        parse(config, source="test")


def test_without_the_setting_nothing_is_handed_over() -> None:
    assert OUTPUT not in deployed(example("aws-dev")).outputs

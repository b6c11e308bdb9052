"""The lake of the platform on an account of AWS: who may use which tables."""

import json
from typing import Any

import pytest

from modules.core.aws import AwsAccount
from stacks.configuration import parse
from stacks.foundation.aws import describe

from .aws_platform import EXAMPLES, deployed, example, in_aws
from .conftest import ENVIRONMENT


@pytest.mark.parametrize("name", EXAMPLES)
def test_lake_formation_lets_each_account_do_what_its_workload_declares_and_nothing_else(name: str) -> None:
    config = example(name)
    platform = deployed(config)
    settings = parse(config, source="test")
    assert settings.aws is not None
    declared = {
        (each.role, arn): set(permissions)
        for each in describe(settings.aws, ENVIRONMENT, settings.consumers()).access
        for arn, permissions in each.permissions.items()
    }
    account = settings.aws.aws_account
    granted = {
        (each.name.removeprefix("lake-").partition(f"-{end}")[0], arn): set(each.inputs["permissions"])
        for each in platform.declared
        if each.type.endswith(":Permissions") and each.name.startswith("lake-groundwork-")
        for end, arn in [subject(each.inputs, account)]
    }
    assert granted == declared
    assert {role for role, _ in declared} == {f"groundwork-{ENVIRONMENT}-iris-training"}
    shown = {
        (row["role"], resource): {action.partition(":")[2] for action in row["actions"]}
        for row in platform.outputs["access"]
        for resource in row["resources"]
        if row["actions"][0].startswith("lakeformation:")
    }
    assert shown == declared


def subject(inputs: dict[str, Any], account: AwsAccount) -> tuple[str, str]:
    """What follows the role in a grant's name, and the ARN of what the grant is for."""
    if located := inputs.get("dataLocation"):
        return "files", located["arn"]
    table = inputs.get("table")
    database: str = table["databaseName"] if table else inputs["database"]["name"]
    arn = f"table/{database}/{table['name']}" if table else f"database/{database}"
    return database.rpartition("_")[2], account.arn("glue", arn)


def test_without_a_lake_nothing_of_the_account_is_changed_and_no_role_is_let_into_the_catalog() -> None:
    config = example("aws-dev")
    config["groundwork:foundation"]["lake"] = None
    made = deployed(config)
    kinds = {each.type.partition("/")[0] for each in in_aws(made)}
    assert not kinds & {"aws:glue", "aws:athena", "aws:lakeformation"}
    assert "glue:" not in json.dumps(made.outputs["access"])

"""What people get wrong on AWS is refused before anything is made: with the key path, the value, what is allowed."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from stacks.configuration import parse
from stacks.foundation.aws import describe

EXAMPLE: dict[str, Any] = yaml.safe_load((REPOSITORY / "stacks/aws-prod.example.yaml").read_text())["config"]
WRONG: list[tuple[dict[str, Any], list[str]]] = yaml.safe_load(Path(__file__).with_name("wrong_aws.yaml").read_text())
FOUNDATION = "groundwork:foundation"


def with_values(values: dict[str, Any]) -> dict[str, Any]:
    """The example with these set: by the path below the foundation, or by a key of the stack's file."""
    config = copy.deepcopy(EXAMPLE)
    for path, value in values.items():
        place, keys = (config, [path]) if ":" in path else (config[FOUNDATION], path.split("."))
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return config


def test_the_example_itself_is_taken() -> None:
    assert parse(with_values({}), source="stacks/Pulumi.x.yaml").aws


@pytest.mark.parametrize(("values", "words"), WRONG, ids=[str(values) for values, _ in WRONG])
def test_is_refused_with_key_path_value_and_what_is_allowed(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse(with_values(values), source="stacks/Pulumi.x.yaml")
    message = str(caught.value)
    assert [word for word in map(str, words) if word not in message] == [], message
    for line in message.splitlines():
        assert line.startswith("groundwork:")
        assert line.endswith("(stacks/Pulumi.x.yaml)")


def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len({str(values) for values, _ in WRONG}) == len(WRONG) >= 60


@pytest.mark.parametrize(
    "environment", ["an-environment-with-a-name-that-is-far-too-long-for-a-bucket", "Prod", "my_env"]
)
def test_a_stack_whose_name_aws_would_not_take_in_its_own_is_refused(environment: str) -> None:
    settings = parse(with_values({}), source="stacks/Pulumi.x.yaml")
    assert settings.aws
    with pytest.raises(UserError, match=environment):
        describe(settings.aws, environment, settings.consumers())

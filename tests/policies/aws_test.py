from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.aws import platform_tags
from modules.core.labels import Labels
from policies import aws
from tests.mocks import Declared
from tests.modules.budget import aws_test as budget
from tests.modules.cluster import aws_test as cluster
from tests.modules.database import aws_test as database
from tests.modules.identity.access_test import declared_roles
from tests.modules.lake import aws_test as lake
from tests.modules.network import aws_test as network
from tests.modules.nodes import aws_test as nodes
from tests.modules.registry import aws_test as registry
from tests.modules.storage import aws_test as storage

FIXTURES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("aws.yaml").read_text())
TAGS = platform_tags(Labels(environment="dev", owner="someone"), cost_centre="42", expiry=None)


def problems(kind: str, inputs: dict[str, Any]) -> list[str]:
    return aws.problems(token(kind), {"tags": TAGS, **inputs})


def token(kind: str) -> str:
    """The engine's name of a type, such as aws:eks/cluster:Cluster of eks.Cluster."""
    package, _, name = kind.partition(".")
    return f"aws:{package}/{name[0].lower()}{name[1:]}:{name}"


@pytest.mark.parametrize("kind", FIXTURES["accepted"])
def test_is_accepted(kind: str) -> None:
    assert problems(kind, FIXTURES["accepted"][kind]) == []


@pytest.mark.parametrize("words", FIXTURES["refused"])
def test_is_refused_with_what_is_wrong_and_the_remedy(words: str) -> None:
    kind, inputs = FIXTURES["refused"][words]
    (problem,) = problems(kind, inputs)
    assert problem.startswith(words)
    assert ": " in problem


@pytest.mark.parametrize("kind", sorted((aws.RULES.keys() | aws.WITHOUT_RULE.keys()) - aws.UNTAGGED))
def test_what_takes_tags_has_those_by_which_costs_are_counted(kind: str) -> None:
    found = aws.problems(token(kind), {"tags": {"owner": "someone"}})
    assert [each for each in found if each.startswith("tags lack")] == [
        "tags lack environment: by it its cost is counted, and it is found when it is left over"
    ]


def test_a_type_that_nobody_thought_of_is_refused() -> None:
    (problem,) = aws.problems("aws:sagemaker/domain:Domain", {})
    assert problem.startswith("no rule is known for aws:sagemaker/domain:Domain: add it to policies/aws.py")


def test_a_type_of_the_same_name_of_another_service_is_not_held_to_this_ones_rule() -> None:
    (problem,) = aws.problems("aws:ec2/instance:Instance", {"tags": TAGS})
    assert problem.startswith("no rule is known for aws:ec2/instance:Instance")


def test_what_is_not_of_aws_is_left_alone() -> None:
    assert aws.problems("kubernetes:core/v1:Service", {}) == []


def every_resource() -> list[Declared]:
    return [
        *network.declared(nat="per-zone", endpoints=["sts"]),
        *nodes.declared(kms_key=nodes.KEY)[0],
        *storage.declared()[0],
        *declared_roles(),
        *cluster.declared(public_ranges=["203.0.113.0/24"])[0],
        *database.declared()[0],
        *registry.declared(),
        *lake.declared()[0],
        *budget.declared(activate_tags=True),
    ]


def test_what_the_modules_declare_is_accepted_and_every_rule_is_for_something() -> None:
    found = every_resource()
    assert [f"{each}: {problem}" for each in found for problem in aws.problems(each.type, each.inputs)] == []
    used = {aws.kind_of(each.type) for each in found if each.type.startswith("aws:")}
    assert used == aws.RULES.keys() | aws.WITHOUT_RULE.keys()

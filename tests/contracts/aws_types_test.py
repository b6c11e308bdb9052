"""Each type of AWS that the program can make is looked at by the policy pack, whether an example makes it or not."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_aws.provider import Provider

from modules.core.paths import REPOSITORY
from policies import aws as policy

SDK = "pulumi_aws"
PROGRAM = ("modules", "stacks")


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for folder in PROGRAM:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def types(tree: ast.AST) -> Iterator[str]:
    """Tokens of the resources that a file imports from the SDK, such as aws:eks/cluster:Cluster."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{SDK}."):
            module = importlib.import_module(str(node.module))
            for name in node.names:
                found = getattr(module, name.name)
                if isinstance(found, type) and issubclass(found, pulumi.CustomResource) and found is not Provider:
                    yield str(vars(found)["pulumi_type"])


def test_the_policy_pack_holds_every_type_that_the_program_can_make() -> None:
    used = {token: path for path, tree in sources() for token in types(tree)}
    assert len(used) > 40
    known = policy.RULES.keys() | policy.WITHOUT_RULE.keys()
    assert {token: str(path) for token, path in used.items() if policy.kind_of(token) not in known} == {}


def test_it_holds_nothing_that_the_program_does_not_make() -> None:
    used = {policy.kind_of(token) for _, tree in sources() for token in types(tree)}
    assert {*policy.RULES, *policy.WITHOUT_RULE} - used == set()


def test_a_type_has_a_rule_or_a_reason_and_not_both() -> None:
    assert policy.RULES.keys() & policy.WITHOUT_RULE.keys() == set()
    assert policy.RULES.keys() | policy.WITHOUT_RULE.keys() >= policy.UNTAGGED
    assert all(policy.WITHOUT_RULE.values())


@pytest.mark.parametrize("wrong", ["import pulumi_aws as aws", "import pulumi_aws.s3", "from pulumi_aws import s3"])
def test_another_way_to_import_the_sdk_would_be_seen(wrong: str) -> None:
    assert list(hidden(ast.parse(wrong)))


def hidden(tree: ast.AST) -> Iterator[str]:
    """Imports by which a type could be used without its name being in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.partition(".")[0] == SDK)
        if isinstance(node, ast.ImportFrom) and node.module == SDK:
            yield SDK


def test_types_are_imported_by_name() -> None:
    assert {str(path): found for path, tree in sources() if (found := list(hidden(tree)))} == {}

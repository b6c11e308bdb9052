"""What our own modules use of AWS, the emulated account has: a stack of theirs comes up on it whole."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from embedded.providers.aws.invokes import INVOKES
from embedded.providers.aws.table import entries
from modules.core.paths import REPOSITORY


def imported() -> list[tuple[str, str]]:
    """Module of the SDK, and the name that one of our files takes from it."""
    files = [file for folder in ("modules", "stacks") for file in (REPOSITORY / folder).rglob("*.py")]
    return sorted({name for file in files for name in names(file)})


def names(file: Path) -> list[tuple[str, str]]:
    return [
        (node.module, name.name)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pulumi_aws"
        for name in node.names
    ]


def tokens() -> tuple[set[str], set[str]]:
    """Of the types, and of the functions."""
    types, functions = set[str](), set[str]()
    for module, name in imported():
        found: Any = getattr(importlib.import_module(module), name)
        if inspect.isclass(found):
            types.add(getattr(found, "pulumi_type", ""))
        elif inspect.isfunction(found):
            functions |= set(re.findall(r"'(aws:\w+/\w+:\w+)'", inspect.getsource(found)))
    return types - {"", "pulumi:providers:aws"}, functions


@pytest.fixture(scope="module")
def used() -> tuple[set[str], set[str]]:
    return tokens()


def test_each_type_that_our_modules_use_is_emulated(used: tuple[set[str], set[str]]) -> None:
    types, _ = used
    assert "aws:sqs/queuePolicy:QueuePolicy" in types
    assert types - entries().keys() == set()


def test_each_function_that_our_modules_ask_the_account_by_answers(used: tuple[set[str], set[str]]) -> None:
    _, functions = used
    assert "aws:secretsmanager/getSecretVersion:getSecretVersion" in functions
    assert functions - INVOKES.keys() == set()

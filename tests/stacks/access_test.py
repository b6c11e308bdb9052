"""The page of who may do what on AWS."""

from pathlib import Path

import pytest

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from modules.identity.access import rows
from stacks import access
from stacks.configuration import load, parse
from stacks.foundation.aws import describe


def test_the_committed_page_is_of_the_example_as_it_is_now() -> None:
    written = (REPOSITORY / "docs/access.md").read_text()
    assert written == access.example(), "docs/access.md is out of date: python -m stacks.access > docs/access.md"


def test_a_stack_of_somebodys_own_has_a_page_with_all_of_its_rows(tmp_path: Path) -> None:
    text = (REPOSITORY / "stacks/aws-dev.example.yaml").read_text()
    (tmp_path / "Pulumi.own.yaml").write_text(text)
    settings = load("own", tmp_path)
    assert settings.aws is not None
    page = access.render(settings, "own", "Pulumi.own.yaml")
    assert "This is the page of `stacks/Pulumi.own.yaml`" in page
    matrix = rows(describe(settings.aws, "own", settings.consumers()).access)
    assert page.count("\n| own-") == len(matrix) > 20


def test_a_stack_that_is_not_on_aws_has_none() -> None:
    with pytest.raises(UserError, match=r"Pulumi\.local\.yaml says groundwork:foundation\.target: embedded"):
        access.render(parse({}, source="test"), "local", "Pulumi.local.yaml")

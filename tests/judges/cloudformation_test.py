"""cfn-lint, which knows AWS's schemas and rules and nothing of ours, judges the whole stack as a template."""

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.aws_platform import EXAMPLES, declared, example, foundation

from .cloudformation import UNMAPPED, WITHOUT_EQUIVALENT, References, Template, render

IGNORED = {
    "W3010": "the zones are named: they are settings, and never change where data is",
    "W3691": "the major version alone is named: RDS chooses the newest minor one",
}
"""Rules that are not held, and why."""
Findings = list[dict[str, Any]]


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    made = {name: declared(example(name), References(), foundation) for name in EXAMPLES}
    return {name: render(each.declared) for name, each in made.items()}


def broken(template: Template) -> dict[str, Any]:
    """With faults that only a judge of AWS's own would see."""
    document = copy.deepcopy(template.document())
    for each in document["Resources"].values():
        properties = each["Properties"]
        if each["Type"] == "AWS::KMS::Alias":
            properties["AliasName"] = "alias/the-same"
        if each["Type"] == "AWS::RDS::DBInstance":
            properties["DBInstanceClass"] = "db.nope.large"
        if each["Type"] == "AWS::EC2::NatGateway":
            properties["SubnetId"] = {"Ref": "Nowhere"}
    return document


def lint(documents: dict[str, dict[str, Any]], folder: Path, ignored: Sequence[str]) -> dict[str, Findings]:
    """Return what cfn-lint has against each, by its name."""
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-1", "--format", "json"),
            *("--ignore-checks", *ignored),
            *("--template", *(str(folder / f"{name}.json") for name in documents)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Findings] = {name: [] for name in documents}
    for each in json.loads(done.stdout):
        found[Path(each["Filename"]).stem].append(each)
    return found


def test_cfn_lint_has_nothing_against_the_stacks_and_something_against_one_with_faults(
    templates: dict[str, Template], tmp_path: Path
) -> None:
    documents = {name: template.document() for name, template in templates.items()}
    found = lint({**documents, "broken": broken(templates["aws-prod"])}, tmp_path, sorted(IGNORED))
    said = {f"{each['Rule']['Id']} {each['Message']}" for each in found.pop("broken")}
    assert {rule.partition(" ")[0] for rule in said} == {"E1020", "E3019", "E3025"}, said
    assert found == {name: [] for name in EXAMPLES}


@pytest.mark.parametrize("name", EXAMPLES)
def test_all_that_a_template_can_hold_is_in_it(name: str, templates: dict[str, Template]) -> None:
    template = templates[name]
    assert len(template.resources) > 100
    assert template.without <= WITHOUT_EQUIVALENT.keys()
    assert template.unmapped <= UNMAPPED.keys()


def test_nothing_is_listed_that_is_not_missing(templates: dict[str, Template]) -> None:
    assert set[str]().union(*(each.unmapped for each in templates.values())) == UNMAPPED.keys()

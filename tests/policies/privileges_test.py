from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import privileges
from policies.pods import Pod

FIXTURES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("privileges.yaml").read_text())


@pytest.mark.parametrize("name", FIXTURES["accepted"])
def test_is_accepted(name: str) -> None:
    assert privileges.problems(Pod({}, FIXTURES["accepted"][name])) == []


@pytest.mark.parametrize("words", FIXTURES["refused"])
def test_is_refused_with_the_privilege_and_the_remedy(words: str) -> None:
    (problem,) = privileges.problems(Pod({}, FIXTURES["refused"][words]))
    assert words in problem
    assert ": leave it out" in problem or ": use a claim" in problem or ": set it to false" in problem

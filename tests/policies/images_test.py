from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import images
from policies.pods import Pod

FIXTURES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("images.yaml").read_text())


@pytest.mark.parametrize("name", FIXTURES["accepted"])
def test_is_accepted(name: str) -> None:
    document = FIXTURES["accepted"][name]
    assert images.problems(Pod(document.get("metadata", {}), document["spec"])) == []


@pytest.mark.parametrize("name", FIXTURES["refused"])
def test_is_refused_in_words_that_name_container_and_image(name: str) -> None:
    document = FIXTURES["refused"][name]
    (problem,) = images.problems(Pod(document.get("metadata", {}), document["spec"]))
    assert "container 'main' has the image" in problem
    assert "expected name@sha256:<digest>" in problem

from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import gpus
from policies.pods import Pod

FIXTURES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("gpus.yaml").read_text())
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"


def pod(resources: dict[str, Any]) -> Pod:
    return Pod({}, {"containers": [{"name": "main", "resources": resources}]})


@pytest.mark.parametrize("name", FIXTURES["accepted"])
def test_what_a_pod_asks_for_is_accepted(name: str) -> None:
    assert gpus.problems(pod(FIXTURES["accepted"][name])) == []


@pytest.mark.parametrize("words", FIXTURES["refused"])
def test_what_a_pod_asks_for_is_refused_with_container_resource_and_remedy(words: str) -> None:
    (problem,) = gpus.problems(pod(FIXTURES["refused"][words]))
    assert problem.startswith(f"container 'main': {words}")
    assert ": ask for 1" in problem or ": set the limit" in problem


@pytest.mark.parametrize("name", FIXTURES["limits_accepted"])
def test_a_limit_range_is_accepted(name: str) -> None:
    document = {"spec": {"limits": [FIXTURES["limits_accepted"][name]]}}
    assert gpus.limit_range_problems(LIMIT_RANGE, document) == []


@pytest.mark.parametrize("words", FIXTURES["limits_refused"])
def test_a_limit_range_that_keeps_other_pods_away_is_refused_with_the_remedy(words: str) -> None:
    document = {"spec": {"limits": [FIXTURES["limits_refused"][words]]}}
    (problem,) = gpus.limit_range_problems(LIMIT_RANGE, document)
    assert problem.startswith(words)
    assert "by a ResourceQuota of requests." in problem


def test_only_limit_ranges_are_looked_at() -> None:
    document = {"spec": {"limits": [FIXTURES["limits_refused"]["max has nvidia.com/gpu"]]}}
    assert gpus.limit_range_problems("kubernetes:core/v1:ConfigMap", document) == []

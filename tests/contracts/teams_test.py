"""Quotas of teams and priorities: from the same words of a stack's file on this machine and on AWS."""

from pathlib import Path
from typing import Any

import pytest

from modules.nodes.settings import NodesSettings
from policies import gpus

from .aws_platform import declared, with_pools
from .conftest import ENVIRONMENT, Platform, deploy

TEAMS: dict[str, Any] = {
    "vision": {"workloads": ["iris"], "gpus": {"gpus": 8}},
    "tables": {"workloads": ["wine"]},
}
WORKLOADS: dict[str, Any] = {"iris": {}, "wine": {}}
EXPECTED = {
    f"{ENVIRONMENT}-iris": "8",
    f"{ENVIRONMENT}-iris-training": "8",
    f"{ENVIRONMENT}-wine": "0",
    f"{ENVIRONMENT}-wine-training": "0",
}


def on_aws() -> Platform:
    config = with_pools("aws-prod")
    config["groundwork:foundation"]["nodes"]["teams"] = TEAMS
    return declared({**config, "groundwork:workloads": WORKLOADS})


def on_this_machine(folder: Path) -> Platform:
    nodes = {"pools": with_pools("aws-prod")["groundwork:foundation"]["nodes"]["pools"], "teams": TEAMS}
    off = {"groundwork:jenkins": {"enabled": False}}
    return deploy({"groundwork:foundation": {"nodes": nodes}, "groundwork:workloads": WORKLOADS, **off}, folder)


@pytest.fixture(scope="module", params=["aws", "embedded"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return on_aws() if request.param == "aws" else on_this_machine(tmp_path_factory.mktemp("stacks"))


def test_each_namespace_of_a_teams_workloads_has_its_share_and_no_other_has_any(platform: Platform) -> None:
    quotas = {
        each.inputs["metadata"]["namespace"]: each.inputs["spec"]["hard"]
        for each in platform.declared
        if each.type.endswith(":ResourceQuota") and each.inputs["metadata"]["name"] == "accelerators"
    }
    assert quotas == {name: {"requests.nvidia.com/gpu": count} for name, count in EXPECTED.items()}


def test_priorities_are_there_on_both(platform: Platform) -> None:
    names = {each.inputs["metadata"]["name"] for each in platform.declared if each.type.endswith(":PriorityClass")}
    assert names == {f"{ENVIRONMENT}-{purpose}" for purpose in ("serving", "general", "training")}


def test_the_platforms_own_bounds_keep_nobody_away_who_asks_for_no_accelerator(platform: Platform) -> None:
    bounds = [each for each in platform.declared if each.type.endswith(":LimitRange")]
    assert bounds
    assert [problem for each in bounds for problem in gpus.limit_range_problems(each.type, each.inputs)] == []


def test_without_pools_nothing_is_shared(tmp_path: Path) -> None:
    made = deploy({"groundwork:workloads": {"iris": {}}, "groundwork:jenkins": {"enabled": False}}, tmp_path)
    assert not [each for each in made.declared if each.type.endswith(":PriorityClass")]
    assert NodesSettings().teams == {}

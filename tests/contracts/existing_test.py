"""The whole platform on a cluster that somebody else runs: what it needs there is what is asked for beforehand."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from modules.core.quantities import millicores, size_bytes
from policies.pods import Pod
from stacks.compose import build
from stacks.configuration import parse
from stacks.foundation.rights import CLUSTER_DECLARED, DECLARED, NAMESPACED, Right, Rule, resource_of, rights_of
from stacks.requests import lasting, requests
from stacks.settings import PlatformSettings
from tests.mocks import Declared, declare

from .conftest import ENVIRONMENT, make_pins

EXECUTORS = ("LocalExecutor", "KubernetesExecutor")
RUNS_ON = {"Deployment", "StatefulSet"}


def settings_with(executor: str, *, cluster_scope: bool) -> PlatformSettings:
    config: dict[str, Any] = {
        "groundwork:foundation": {
            "target": "existing",
            "context": "somewhere",
            "cluster_scope": cluster_scope,
            "registry": {"push": "registry.example/ml"},
        },
        "groundwork:airflow": {"executor": executor},
        "groundwork:jenkins": {"enabled": False},
        "groundwork:workloads": {"iris": {"replicas": 2}},
    }
    return parse(config, source="test")


@cache
def declared_with(executor: str, *, cluster_scope: bool = True) -> list[Declared]:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        make_pins(Path(folder), patch)
        recorder, _ = declare(lambda: build(settings_with(executor, cluster_scope=cluster_scope), ENVIRONMENT))
    return [each for each in recorder.declared if each.is_object]


def resource_and_group(declared: Declared) -> tuple[str, str]:
    """Of a type token such as kubernetes:apps/v1:Deployment."""
    _, version, kind = declared.type.split(":")
    group = version.rpartition("/")[0].removeprefix("core")
    return resource_of(kind), group


def in_table(*rules: Rule) -> set[tuple[str, str]]:
    return {(right.resource, right.group) for right in rights_of(rules)}


def test_the_kinds_that_are_declared_are_those_of_the_table_of_rights(platform: Any) -> None:
    objects = [each for each in platform.declared if each.is_object]
    objects += [each for name in EXECUTORS for each in declared_with(name)]
    assert {resource_and_group(each) for each in objects} == in_table(*DECLARED, *CLUSTER_DECLARED)


def test_without_the_scope_of_the_cluster_only_objects_of_namespaces_are_declared() -> None:
    objects = declared_with("LocalExecutor", cluster_scope=False)
    assert {resource_and_group(each) for each in objects} == in_table(*DECLARED)
    assert all(each.inputs["metadata"]["namespace"] for each in objects)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_whoever_brings_the_platform_up_has_the_rights_that_it_grants(executor: str, platform: Any) -> None:
    roles = [each for each in (*declared_with(executor), *platform.declared) if "Role" in each.type]
    granted = {right for each in roles for rule in each.inputs.get("rules", []) for right in rights_in(rule)}
    assert granted
    assert granted <= set(rights_of(NAMESPACED))


def rights_in(rule: Mapping[str, Any]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_runs_on_and_on_asks_for_what_was_summed_up_beforehand(executor: str) -> None:
    asked = [
        (pod, each.inputs["spec"].get("replicas", 1))
        for each in declared_with(executor)
        if each.type.rpartition(":")[2] in RUNS_ON
        for pod in each.pods()
    ]
    total = tuple(sum(amounts(pod)[index] * replicas for pod, replicas in asked) for index in (0, 1))
    assert total == lasting(requests(settings_with(executor, cluster_scope=True)))


def amounts(pod: Pod) -> tuple[int, int]:
    found = [container["resources"]["requests"] for container in pod.spec["containers"]]
    return sum(millicores(each["cpu"]) for each in found), sum(size_bytes(each["memory"]) for each in found)

from typing import Any

import pytest

from policies.pods import pods

SPEC: dict[str, Any] = {"containers": [{"name": "main"}], "initContainers": [{"name": "first"}]}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": SPEC}


@pytest.mark.parametrize(
    ("kind", "props"),
    [
        ("kubernetes:core/v1:Pod", TEMPLATE),
        ("kubernetes:apps/v1:Deployment", {"spec": {"template": TEMPLATE}}),
        ("kubernetes:batch/v1:Job", {"spec": {"template": TEMPLATE}}),
        ("kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}}),
    ],
)
def test_the_pod_of_every_kind_is_found_with_all_its_containers(kind: str, props: dict[str, Any]) -> None:
    (pod,) = pods(kind, props)
    assert pod.metadata == {"labels": {"a": "b"}}
    assert [container["name"] for container in pod.containers()] == ["first", "main"]


@pytest.mark.parametrize(
    ("kind", "props"),
    [
        ("kubernetes:core/v1:Service", {"spec": {"ports": []}}),
        ("kubernetes:core/v1:ConfigMap", {"data": {}}),
        ("random:index/randomPassword:RandomPassword", {"spec": {"template": TEMPLATE}}),
    ],
)
def test_what_makes_no_pod_has_none(kind: str, props: dict[str, Any]) -> None:
    assert pods(kind, props) == []

"""What a change of settings does to what is on AWS: held to AWS's own data of what can't be changed in place."""

from collections.abc import Mapping
from typing import Any

import pytest

from embedded.providers.aws.diff import changes
from embedded.providers.aws.table import entries
from embedded.providers.base import Change

from .aws_platform import as_sent, declared, example, foundation, in_aws

Made = Mapping[tuple[str, str], dict[str, Any]]
"""Inputs by type and name."""


def made(**changed: Any) -> Made:
    """What the small example declares, with other settings: by key of the foundation, or key__key in a group of it."""
    config = example("aws-dev")
    for path, value in changed.items():
        *groups, key = path.split("__")
        place = config["groundwork:foundation"]
        for group in groups:
            place = place.setdefault(group, {})
        place[key] = value
    return {(each.type, each.name): as_sent(each.inputs) for each in in_aws(declared(config, program=foundation))}


@pytest.fixture(scope="module")
def before() -> Made:
    return made()


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [
        ({"network__zones": 3}, {"nodes-system"}),
        ({"network__nat": "per-zone", "network__endpoints": ["sts"], "network__flow_log_days": 90}, set[str]()),
        ({"protection": "full"}, set[str]()),
        ({"protection": "removable", "cost_centre": "other", "expiry": "2029-01-31"}, set[str]()),
        ({"cluster__version": "1.36", "cluster__addons": {"kube_proxy": "v1.36.0-eksbuild.2"}}, set[str]()),
        ({"cluster__viewers": ["arn:aws:iam::123456789012:role/viewer"], "cluster__public_ranges": []}, set[str]()),
        ({"database__instance_class": "db.m7g.large", "database__volume": "50Gi"}, set[str]()),
        ({"database__version": "16"}, set[str]()),
        ({"buckets": {"raw": {"versioning": False, "noncurrent_expiration_days": None}}}, set[str]()),
        ({"budget": {"monthly_usd": 9, "emails": ["b@example.com"], "spent_percent": [70]}}, set[str]()),
        (
            {"lake": {"administrators": ["arn:aws:iam::123456789012:user/b"], "scan_limit": "1Gi", "crawl_hour": 4}},
            set[str](),
        ),
        ({"nodes": {"pools": {"system": {"min": 3, "max": 5, "disk": "200Gi", "labels": {"a": "b"}}}}}, set[str]()),
    ],
)
def test_a_setting_that_may_change_does_so_in_place_but_for_nodes_in_another_zone(
    changed: dict[str, Any], replaced: set[str], before: Made
) -> None:
    after = made(**changed)
    kept = [key for key in before.keys() & after.keys() if key[0] in entries()]
    differing = [key for key in kept if before[key] != after[key]]
    assert differing
    found = {
        name
        for type_, name in differing
        if Change.UPDATE_REPLACE in changes(entries()[type_], {}, before[type_, name], after[type_, name]).values()
    }
    assert found == replaced

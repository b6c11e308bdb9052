"""What differs, and how its path is written."""

from typing import Any

import pytest

from embedded.providers.base import UNKNOWN, Change
from embedded.providers.kubernetes.diff import differences, notation
from embedded.providers.kubernetes.imports import merged_inputs
from embedded.providers.kubernetes.readiness.pods import matches


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": Change.UPDATE}),
        ({}, {"a": 1}, {"a": Change.ADD}),
        ({"a": 1}, {}, {"a": Change.DELETE}),
        ({"a": None}, {}, {}),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, {"a.b[1]": Change.UPDATE}),
        ({"a": [1]}, {"a": [1, 2]}, {"a[1]": Change.ADD}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": Change.DELETE}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": Change.UPDATE}),
        ({"a": 1}, {"a": True}, {"a": Change.UPDATE}),
        ({"a": {"b": 1}}, {"a": "c"}, {"a": Change.UPDATE}),
        ({"m": {"a.b/c": 1}}, {"m": {"a.b/c": 2}}, {'m["a.b/c"]': Change.UPDATE}),
    ],
)
def test_differences_are_found_at_their_path(old: Any, new: Any, expected: Any) -> None:
    assert {notation(path): change for path, change in differences(old, new).items()} == expected


@pytest.mark.parametrize(
    ("inputs", "before", "live", "expected"),
    [
        ({"cpu": "0.5"}, {"cpu": "500m"}, {"cpu": "500m"}, {"cpu": "0.5"}),
        ({"cpu": "0.5"}, {"cpu": "500m"}, {"cpu": "250m"}, {"cpu": "250m"}),
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}, {}),
        ({"never": "shown"}, {"x": 1}, {"x": 1}, {"never": "shown"}),
        ({"l": [{"a": 1}]}, {"l": [{"a": 1, "d": 0}]}, {"l": [{"a": 2, "d": 0}]}, {"l": [{"a": 2}]}),
        ({"l": [1]}, {"l": [1]}, {"l": [1, 2]}, {"l": [1, 2]}),
    ],
)
def test_a_refresh_changes_only_inputs_that_changed_on_the_server(
    inputs: Any, before: Any, live: Any, expected: Any
) -> None:
    assert merged_inputs(inputs, before, live) == expected


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors_select_as_the_server_does(selector: dict[str, Any], selected: bool) -> None:
    assert matches(selector, {"app": "web"}) is selected

"""The verdict over two versions, from what the gateway counted."""

import math
from typing import Any

import pytest

from scripts.cli.delivery.canary_metrics import (
    Limits,
    Sample,
    VersionMetrics,
    find_regression,
    parse_sample,
    quantile,
    share_right,
    version_metrics,
)

LIMITS = Limits(min_requests=100)
TEXT = """# HELP traefik_service_requests_total How many requests.
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="POST",protocol="http",service="iris@file"} 90
traefik_service_requests_total{code="200",method="GET",protocol="http",service="iris@file"} 5
traefik_service_requests_total{code="500",method="POST",protocol="http",service="iris-canary@file"} 3
traefik_service_request_duration_seconds_bucket{code="200",method="POST",service="iris@file",le="0.1"} 80
traefik_service_request_duration_seconds_bucket{code="200",method="POST",service="iris@file",le="+Inf"} 90
traefik_service_request_duration_seconds_bucket{code="200",method="GET",service="iris@file",le="0.1"} 5
"""


def test_a_server_is_read_whatever_the_method() -> None:
    assert parse_sample(TEXT, "iris") == Sample(answers={"200": 95}, seconds={0.1: 85, math.inf: 90})
    assert parse_sample(TEXT, "iris-canary") == Sample(answers={"500": 3}, seconds={})
    assert parse_sample(TEXT, "other") == Sample(answers={}, seconds={})


def test_only_what_came_since_counts() -> None:
    earlier = Sample(answers={"200": 10}, seconds={0.1: 9, math.inf: 10})
    now = Sample(answers={"200": 15, "500": 1}, seconds={0.1: 10, math.inf: 16})
    assert now.since(earlier) == Sample(answers={"200": 5, "500": 1}, seconds={0.1: 1, math.inf: 6})
    assert earlier.since(now) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({}, None),
        ({0.1: 0, math.inf: 0}, None),
        ({0.1: 100, math.inf: 100}, 0.095),
        ({0.1: 90, 0.2: 100, math.inf: 100}, 0.15),
        ({0.1: 10, math.inf: 100}, 0.1),
    ],
)
def test_the_quantile_lies_within_its_bucket(seconds: dict[float, float], expected: float | None) -> None:
    found = quantile(seconds, 0.95)
    assert found == (None if expected is None else pytest.approx(expected))


def test_only_answers_of_the_server_s_own_fault_are_failures() -> None:
    made = version_metrics(Sample(answers={"200": 6, "404": 2, "500": 1, "502": 1}, seconds={}), 0.9)
    assert (made.requests, made.failures, made.failed_share) == (10, 2, 0.2)


def seen(**changed: Any) -> VersionMetrics:
    given: dict[str, Any] = {"requests": 200, "failures": 0, "p95": 0.02, "accuracy": 0.9, **changed}
    return VersionMetrics(**given)


@pytest.mark.parametrize(
    "tried",
    [
        seen(),
        seen(accuracy=1.0),
        seen(failures=2),
        seen(p95=0.06),  # three times as slow, by less than what is noise
        seen(p95=None, requests=0),
        seen(requests=20, failures=20, p95=9.0),  # too few to say anything
    ],
)
def test_nothing_speaks_against_what_is_not_worse(tried: VersionMetrics) -> None:
    assert find_regression(seen(), tried, LIMITS) is None


@pytest.mark.parametrize(
    ("tried", "cause"),
    [
        (seen(failures=3), "errors: 3 of 200 requests failed (1.5%), of what serves 0.0%"),
        (seen(p95=0.08), "latency: 95% of the answers within 0.080 s, of what serves within 0.020 s"),
        (seen(accuracy=0.8), "accuracy: 0.8000, what serves has 0.9000 on the same held-out rows"),
        (seen(accuracy=None), "errors: it did not answer the held-out rows, what serves has 0.9000 on the same"),
        (seen(failures=100, accuracy=0.1, p95=9.0), "errors: 100 of 200"),
        (seen(requests=0, p95=None, accuracy=0.1), "accuracy: 0.1000"),
    ],
)
def test_what_is_worse_is_told_with_both_figures(tried: VersionMetrics, cause: str) -> None:
    assert (find_regression(seen(), tried, LIMITS) or "").startswith(cause)


def test_a_failing_service_is_no_reason_to_keep_a_better_version_out() -> None:
    assert find_regression(seen(failures=50), seen(failures=10), LIMITS) is None


def test_accuracy_is_the_share_of_right_labels() -> None:
    assert share_right(["a", "b", "b", "a"], ["a", "b", "a", "a"]) == 0.75
    with pytest.raises(ValueError, match="longer"):
        share_right(["a"], ["a", "b"])

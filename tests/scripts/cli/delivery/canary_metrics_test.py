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
TEXT = """# HELP haproxy_server_http_responses_total Total number of HTTP responses
# TYPE haproxy_server_http_responses_total counter
haproxy_server_http_responses_total{proxy="iris",server="iris",code="2xx"} 95
haproxy_server_http_responses_total{proxy="iris",server="failed",code="5xx"} 1
haproxy_server_http_responses_total{proxy="iris-canary",server="iris-canary",code="2xx"} 4
haproxy_server_http_responses_total{proxy="iris-canary",server="fallback",code="2xx"} 3
haproxy_server_http_responses_total{proxy="iris-canary",server="fallback",code="4xx"} 2
haproxy_server_redispatch_warnings_total{proxy="iris",server="iris"} 1
haproxy_server_redispatch_warnings_total{proxy="iris-canary",server="iris-canary"} 5
haproxy_server_redispatch_warnings_total{proxy="iris-canary",server="fallback"} 0
gateway_request_duration_seconds_bucket{server="iris",le="0.1"} 80
gateway_request_duration_seconds_bucket{server="iris",le="+Inf"} 95
gateway_request_duration_seconds_bucket{server="iris-canary",le="0.1"} 4
gateway_request_duration_seconds_bucket{server="iris-canary",le="+Inf"} 4
"""


def test_what_a_server_gave_no_answer_to_is_a_failure_of_its_own() -> None:
    assert parse_sample(TEXT, "iris") == Sample(answers={"2xx": 95, "5xx": 1}, seconds={0.1: 80, math.inf: 95})
    assert parse_sample(TEXT, "other") == Sample(answers={}, seconds={})


def test_what_the_other_server_refused_too_was_the_client_s_fault() -> None:
    """Of five that were asked again, what serves answered three."""
    counted = parse_sample(TEXT, "iris-canary")
    assert counted == Sample(answers={"2xx": 4, "4xx": 2, "5xx": 3}, seconds={0.1: 4, math.inf: 4})


def test_only_what_came_since_counts() -> None:
    earlier = Sample(answers={"2xx": 10}, seconds={0.1: 9, math.inf: 10})
    now = Sample(answers={"2xx": 15, "5xx": 1}, seconds={0.1: 10, math.inf: 16})
    assert now.since(earlier) == Sample(answers={"2xx": 5, "5xx": 1}, seconds={0.1: 1, math.inf: 6})
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
    made = version_metrics(Sample(answers={"2xx": 6, "4xx": 2, "5xx": 2}, seconds={}), 0.9)
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

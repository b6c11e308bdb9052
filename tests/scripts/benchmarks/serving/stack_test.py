from typing import Any

from scripts.benchmarks.serving.stack import one_more

DEPLOYMENT: dict[str, Any] = {
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "iris", "pod-template-hash": "5d"}, "annotations": {"note": "kept"}},
            "spec": {"containers": [{"name": "server"}]},
        }
    }
}


def test_the_pod_that_is_timed_is_as_the_others_and_no_deployment_counts_it() -> None:
    pod = one_more(DEPLOYMENT, "iris-bench-1")
    assert pod["metadata"] == {"name": "iris-bench-1", "labels": {"app": "iris"}, "annotations": {"note": "kept"}}
    assert pod["spec"] == {"containers": [{"name": "server"}]}

"""What an environment's cluster refuses. That it does is tried on a platform."""

import re
from dataclasses import replace

import pytest

from embedded.cluster import ClusterSpec
from embedded.cluster.restrictions import restrictions


def test_a_bare_cluster_has_none(spec: ClusterSpec) -> None:
    assert list(restrictions(spec)) == []


def test_kubernetes_own_namespaces_are_closed(spec: ClusterSpec) -> None:
    closed = [each for _, each in restrictions(replace(spec, platform=True)) if each["kind"] == "NetworkPolicy"]
    names = ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert [each["metadata"]["namespace"] for each in closed] == names
    assert all(each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for each in closed)


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        (f"10.81.0.1:5000/groundwork/serving:0.1.0@sha256:{'a' * 64}", True),
        (f"10.81.0.1:5000/groundwork/serving@sha256:{'a' * 64}", True),
        ("10.81.0.1:5000/groundwork/serving:0.1.0", False),
        (f"10x81.0.1:5000/groundwork/serving@sha256:{'a' * 64}", False),
        (f"docker.io/library/python@sha256:{'a' * 64}", False),
        (f"docker.io/10.81.0.1:5000/x@sha256:{'a' * 64}", False),
        (f"10.81.0.1:5000/groundwork/serving@sha256:{'a' * 64}b", False),
    ],
)
def test_images_of_the_platform_are_of_its_registry_and_named_by_digest(
    spec: ClusterSpec, image: str, allowed: bool
) -> None:
    policy = next(each for _, each in restrictions(replace(spec, platform=True)) if "Policy" in each["kind"])
    expression = policy["spec"]["validations"][0]["expression"]
    found = re.fullmatch(r"variables\.images\.all\(image, image\.matches\(r'(.+)'\)\)", expression)
    assert found
    assert bool(re.search(found[1], image)) is allowed

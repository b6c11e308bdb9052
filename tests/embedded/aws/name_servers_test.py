"""The objects of the add-on coredns. tests/embedded/providers/aws/eks_test.py runs it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from embedded.aws.name_servers import objects
from embedded.cluster.configuration import documents
from embedded.cluster.spec import ClusterSpec

SPEC = ClusterSpec(
    name="eks", network="10.94.0.0/16", bin_dir=Path("/bin"), state_dir=Path("/state"), registry_dir=Path("/registry")
)


def by_kind(spec: ClusterSpec) -> dict[str, Any]:
    return {document["kind"]: document for _, document in objects(spec, "registry/eks/coredns@sha256:1")}


def test_pods_ask_the_service_whose_pods_have_the_label_of_eks() -> None:
    found = by_kind(SPEC)
    assert found["Service"]["spec"]["clusterIP"] == "10.94.64.10"
    assert found["Service"]["spec"]["selector"] == {"k8s-app": "kube-dns"}
    assert found["Deployment"]["spec"]["template"]["metadata"]["labels"] == {"k8s-app": "kube-dns"}
    kubelet = documents(replace(SPEC, dns_in_pods=True))["kubelet.yaml"]
    assert "clusterDNS: [10.94.64.10]" in kubelet
    assert "clusterDNS: [10.94.0.1]" in documents(SPEC)["kubelet.yaml"]


def test_they_know_the_names_that_the_cluster_is_given() -> None:
    named = replace(SPEC, names=(("^a[.]example[.]$", "10.94.240.1"),))
    corefile = by_kind(named)["ConfigMap"]["data"]["Corefile"]
    assert 'match "^a[.]example[.]$"' in corefile
    assert 'answer "{{ .Name }} 60 IN A 10.94.240.1"' in corefile
    assert "{{" not in by_kind(SPEC)["ConfigMap"]["data"]["Corefile"]


def test_their_pods_are_nobody_and_change_nothing() -> None:
    spec = by_kind(SPEC)["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    (rules,) = [document["rules"] for _, document in objects(SPEC, "") if document["kind"] == "ClusterRole"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}

"""Names, networks, nodes and rights of the account's clusters. tests/embedded/providers/aws/eks_test.py starts one."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from embedded.aws import command
from embedded.aws.clusters import Clusters, Machine, node_name
from embedded.aws.extension.eks_access import bindings, entry_of, principal_of
from embedded.aws.extension.eks_nodes import capacity, nodes_of, real_node
from embedded.cluster import Cluster
from embedded.cluster.spec import NAME
from embedded.providers.base.errors import ProviderError
from modules.core.errors import UserError

ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/{}"
NETWORK = "10.94.0.0/16"


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clusters:
    """Clusters that start and end without a process."""

    def start(self: Cluster) -> None:
        if "broken" in self.name:
            raise UserError("no room")
        self.layout.root.mkdir(parents=True)

    def destroy(self: Cluster) -> None:
        if self.layout.root.exists():
            self.layout.root.rmdir()

    monkeypatch.setattr(Cluster, "start", start)
    monkeypatch.setattr(Cluster, "destroy", destroy)
    return Clusters(Machine(folder=tmp_path, tools=tmp_path, registry=tmp_path))


@pytest.fixture
def begin(clusters: Clusters) -> Callable[..., str]:
    """Starts a cluster and waits. The reason why it does not run, or nothing."""

    def start(name: str, network: str = NETWORK) -> str:
        answers = SimpleQueue[str]()
        clusters.begin(
            ARN.format(name), network=network, subnets=["10.94.160.0/21"], issuer="https://issuer", done=answers.put
        )
        return answers.get(timeout=10)

    return start


def test_a_cluster_has_the_range_of_its_vpc_alone_until_it_goes(clusters: Clusters, begin: Callable[..., str]) -> None:
    assert begin("one") == ""
    assert clusters.of(ARN.format("one")).spec.network == NETWORK
    assert clusters.of(ARN.format("one")).spec.issuer == "https://issuer"
    with pytest.raises(UserError, match=r"10\.94\.0\.0/16 is that of arn:.*cluster/one"):
        begin("two")
    assert begin("two", "10.95.0.0/16") == ""
    clusters.destroy(ARN.format("one"))
    assert begin("three") == ""


def test_a_cluster_that_does_not_start_says_why_and_keeps_its_range_until_it_is_deleted(
    clusters: Clusters, begin: Callable[..., str]
) -> None:
    assert begin("broken") == "no room"
    clusters.destroy(ARN.format("broken"))
    assert begin("one") == ""


@pytest.mark.parametrize("network", ["10.94.0.0/20", "100.64.0.0/16"])
def test_a_vpc_that_a_cluster_can_not_have_whole_is_refused(begin: Callable[..., str], network: str) -> None:
    with pytest.raises(UserError, match=f"the VPC's range is {network}.*allowed is a /16"):
        begin("one", network)


def test_what_an_earlier_account_left_goes(clusters: Clusters, begin: Callable[..., str]) -> None:
    begin("one")
    again = Clusters(clusters.machine)
    again.destroy_all()
    assert not list(clusters.machine.clusters.iterdir())


def test_names_of_nodes_are_of_one_cluster_alone() -> None:
    arns = [
        ARN.format("groundwork-aws-dev"),
        ARN.format("A_" * 50),
        "arn:aws:eks:us-east-1:1:cluster/groundwork-aws-dev",
    ]
    names = [node_name(arn) for arn in arns]
    assert len(set(names)) == 3
    assert all(NAME.fullmatch(name) for name in names)
    assert names[0].startswith("eks-groundwork-aws-dev-")


def group(name: str, size: int, **other: Any) -> Any:
    given: dict[str, Any] = {
        "capacity_type": "ON_DEMAND",
        "labels": {"pool": name},
        "taints": [],
        "region": "eu-west-1",
    }
    scaling = {"scaling_config": {"desiredSize": size}, "instance_types": ["m6i.large"]}
    return SimpleNamespace(nodegroup_name=name, **{**given, **scaling, **other})


def test_nodes_are_those_of_all_groups_with_what_these_say() -> None:
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}
    groups = [group("system", 2), group("Gpu_1", 1, instance_types=["p5.48xlarge"], taints=[taint])]
    system, other, gpu = nodes_of(SimpleNamespace(nodegroups={each.nodegroup_name: each for each in groups}))
    assert [system.name, other.name, gpu.name] == ["system-0", "system-1", "gpu-1-0"]
    assert system.labels["pool"] == "system"
    assert system.labels["eks.amazonaws.com/nodegroup"] == "system"
    assert gpu.labels["node.kubernetes.io/instance-type"] == "p5.48xlarge"
    assert gpu.taints == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert gpu.capacity == {"cpu": "192", "memory": "2097152Mi", "pods": "110", "nvidia.com/gpu": "8"}
    assert "nvidia.com/gpu" not in capacity("m6i.large")
    assert real_node("node", system)["spec"] == {"unschedulable": False}


def test_a_cluster_without_a_node_group_places_no_pod() -> None:
    assert list(nodes_of(SimpleNamespace(nodegroups={}))) == []
    assert real_node("node", None)["spec"] == {"unschedulable": True}


ROLE = "arn:aws:iam::123456789012:role/{}"


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("arn:aws:sts::123456789012:assumed-role/deployer/session", ROLE.format("deployer")),
        ("arn:aws:iam::123456789012:user/person", "arn:aws:iam::123456789012:user/person"),
        ("arn:aws:sts::123456789012:user/moto", "arn:aws:iam::123456789012:user/moto"),
    ],
)
def test_a_caller_is_known_by_the_role_or_user_that_it_is(caller: str, principal: str) -> None:
    assert principal_of(caller) == principal
    assert entry_of({ROLE.format("other"): 1, principal: 2}, caller) == 2
    assert entry_of({ROLE.format("other"): 1}, caller) is None


def test_a_role_is_found_whatever_its_path() -> None:
    assert entry_of({ROLE.format("ci/deployer"): 1}, "arn:aws:sts::123456789012:assumed-role/deployer/session") == 1


def test_access_policies_are_bindings_in_the_cluster_or_in_namespaces() -> None:
    prefix = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS"
    policies: list[dict[str, Any]] = [
        {"policyArn": f"{prefix}ViewPolicy", "accessScope": {"type": "cluster"}},
        {"policyArn": f"{prefix}EditPolicy", "accessScope": {"type": "namespace", "namespaces": ["a", "b"]}},
        {"policyArn": f"{prefix}AutoNodePolicy", "accessScope": {"type": "cluster"}},
    ]
    found = dict(bindings(ROLE.format("viewer"), "viewer", policies))
    roles = {path.split("/v1/")[1].rpartition("-")[0]: made["roleRef"]["name"] for path, made in found.items()}
    assert roles == {
        "clusterrolebindings/amazoneksviewpolicy": "view",
        "namespaces/a/rolebindings/amazonekseditpolicy": "edit",
        "namespaces/b/rolebindings/amazonekseditpolicy": "edit",
    }
    assert {subject["name"] for made in found.values() for subject in made["subjects"]} == {"viewer"}


def test_the_command_of_aws_talks_to_this_machine_only(tmp_path: Path) -> None:
    command.install(tmp_path / "bin", Path(sys.executable))
    asked = [str(tmp_path / "bin/aws"), "eks", "get-token", "--cluster-name", "c", "--region", "eu-west-1"]
    for address in ("", "https://eks.eu-west-1.amazonaws.com"):
        environment = {"PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "a"}
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "emulated account" in done.stderr


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b'{"message": "no access entry"}', "no access entry"),
        (b"<h1>Internal Server Error</h1>\n", "<h1>Internal Server Error</h1>"),
    ],
)
def test_why_the_account_gives_no_credential_is_said_in_whatever_form_it_answers(
    answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(answer)

    with HTTPServer(("127.0.0.1", 0), Refusing) as account:
        threading.Thread(target=account.handle_request, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{account.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        with pytest.raises(ProviderError, match=f"500: {re.escape(reason)}$"):
            command.document("c", "eu-west-1")

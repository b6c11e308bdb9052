"""A control plane and an emulated account with the real Karpenter between them, for tests."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from embedded.toolchain.build import ensure
from embedded.toolchain.targets import KARPENTER_KWOK, BuildTarget
from modules.core.aws import service_trust
from modules.core.documents import plain
from modules.nodes import rights
from modules.nodes.controller import CONTROLLER, Surroundings, environment
from modules.nodes.facts import instance_types
from modules.nodes.files import ready
from modules.nodes.karpenter import (
    DISCOVERY,
    STARTUP_TAINT,
    Document,
    NodeClass,
    definitions,
    node_class,
    node_overlay,
    node_pool,
    weights,
)
from modules.nodes.settings import PoolSettings
from tests.embedded.providers.aws.conftest import REGION, clients
from tests.embedded.providers.controlplane import ControlPlane
from tests.processes import serving

CLUSTER = "groundwork-dev"
COMMON = NodeClass(
    cluster=CLUSTER,
    instance_profile=f"{CLUSTER}-node",
    image="al2023@v20251103",
    kms_key=None,
    tags={"environment": "dev", "owner": "someone"},
)
PODS = "/api/v1/namespaces/default/pods"
POOLS_PATH = "/apis/karpenter.sh/v1/nodepools"
CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
NAMESPACE = "kube-system"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
DEFINED = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
LATER = (404, 429)
"""Answers of an API server that does not know a new kind yet."""
IDLE = "20s"
"""In the place of five minutes."""
PODS_OF_A_NODE = 110
"""The fleet of Karpenter's simulation looks at the first of its launch templates alone, and Karpenter has one for each
number of pods that types have room for. AWS's own looks at all of them."""


class Scaled:
    """A cluster to which Karpenter adds nodes, and what is on it."""

    def __init__(
        self, plane: ControlPlane, aws: Callable[[str], Any], pools: Mapping[str, PoolSettings], log: Path
    ) -> None:
        self.plane, self.aws, self.pools, self.log = plane, aws, pools, log

    def instances(self) -> list[tuple[str, dict[str, str]]]:
        """Type and tags of what was started in the account. Simulated nodes are no instances there."""
        found = self.aws("ec2").describe_instances()["Reservations"]
        return [
            (each["InstanceType"], {tag["Key"]: tag["Value"] for tag in each["Tags"]})
            for reservation in found
            for each in reservation["Instances"]
        ]

    def refusals(self) -> list[str]:
        """What Karpenter was not allowed to do in the cluster, by its log."""
        return [line for line in self.log.read_text().splitlines() if "forbidden" in line]

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.plane.call(method, path, body, content_type)
            except HTTPError as error:
                if error.code not in LATER or time.monotonic() > deadline:
                    raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
                time.sleep(0.2)

    def items(self, path: str) -> list[Any]:
        return self.call("GET", path)["items"]

    def declare(self) -> None:
        """Karpenter's objects of the pools, as the platform has them but for the two that this file names."""
        found = weights(self.pools)
        for name, pool in self.pools.items():
            classed, pooled = node_class(name, pool, COMMON), node_pool(name, pool, weight=found[name])
            classed["spec"]["kubelet"] = {"maxPods": PODS_OF_A_NODE}
            pooled["spec"]["disruption"]["consolidateAfter"] = IDLE
            for document in (classed, node_overlay(name, pool), pooled):
                if document:
                    self.call("POST", _path(document), document)

    def run(self, name: str, limits: Mapping[str, str]) -> None:
        """A pod, as the admission plugin ExtendedResourceToleration would leave it."""
        container = {"name": "main", "image": "any", "resources": {"limits": dict(limits), "requests": dict(limits)}}
        tolerations = [{"key": key, "operator": "Exists"} for key in limits]
        spec = {"tolerations": tolerations, "containers": [container], "automountServiceAccountToken": False}
        self.call("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})

    def end(self, *names: str) -> None:
        for name in names:
            self.call("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")

    def delete_pool(self, name: str) -> None:
        """As the Kubernetes plugin deletes: what it owns first."""
        self.call("DELETE", f"{POOLS_PATH}/{name}", {"propagationPolicy": "Foreground"})

    def names(self, path: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.items(path)}

    def pods(self) -> set[str]:
        return self.names(PODS)

    def nodes(self) -> dict[str, Any]:
        return {each["metadata"]["name"]: each for each in self.items("/api/v1/nodes")}

    def running(self) -> set[str]:
        """Names of the pods that have a node."""
        return {each["metadata"]["name"] for each in self.items(PODS) if "nodeName" in each["spec"]}

    def asked(self) -> list[tuple[str, str]]:
        """Pool and instance type of each node that Karpenter started, in alphabetical order; those whose type is not
        known yet are not among them."""
        labels = (each["metadata"]["labels"] for each in self.items(CLAIMS))
        kind = "node.kubernetes.io/instance-type"
        return sorted((each["karpenter.sh/nodepool"], each[kind]) for each in labels if kind in each)

    def is_empty(self) -> bool:
        return not self.items(CLAIMS) and not self.nodes()

    def until(self, what: str, done: Callable[[], bool], seconds: float = 300) -> float:
        """Wait, in the place of the device plugin and with what opens nodes. Print and return the seconds."""
        begun = time.monotonic()
        while not done():
            assert time.monotonic() < begun + seconds, f"not {what}: {self.running()}, {self.asked()}"
            self._report_devices()
            ready.open_nodes(_Administrator(self), STARTUP_TAINT)
            time.sleep(0.5)
        took = time.monotonic() - begun
        print(f"{what}: {took:.0f} s", flush=True)
        return took

    def _report_devices(self) -> None:
        """Slices and MIG instances, which the nodes of the simulation lack."""
        for name, node in self.nodes().items():
            pool = self.pools.get(node["metadata"]["labels"].get("karpenter.sh/nodepool", ""))
            if pool and pool.gpu and pool.gpu.resource not in node["status"]["allocatable"]:
                has = {pool.gpu.resource: str(pool.gpu.per_node)}
                status = {"status": {"capacity": has, "allocatable": has}}
                self.call("PATCH", f"/api/v1/nodes/{name}/status", status, "application/merge-patch+json")


class _Administrator(ready.Cluster):
    """What opens nodes, without an account of its own."""

    def __init__(self, scaled: Scaled) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.scaled = scaled

    def call(self, method: str, path: str, patch: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.scaled.plane.call(method, path, patch, "application/merge-patch+json")


@contextmanager
def karpenter(
    folder: Path, tools: Path, pools: Mapping[str, PoolSettings], target: BuildTarget = KARPENTER_KWOK
) -> Generator[Scaled]:
    """Karpenter as it is deployed, with a cluster and an account of its own, and the pools."""
    built = ensure(print, folder / "karpenter-build.log", (target,))
    prices = folder / "prices.json"
    prices.write_text(json.dumps({each.name: each.price for each in instance_types() if each.price is not None}))
    plane = ControlPlane(tools, folder / "plane", nodes=0)
    with (
        serving("-I", "-m", "embedded.aws", "--prices", str(prices)) as (address,),
        (folder / "karpenter.log").open("w") as log,
    ):
        try:
            plane.start()
            scaled = Scaled(plane, clients(address), pools, Path(log.name))
            _account(scaled.aws)
            for name, spec in definitions().items():
                scaled.call("POST", DEFINED, _definition(name, spec))
            variables = _environment(address, _user(scaled, folder / "kubeconfig"))
            with subprocess.Popen([built / target.name], env=variables, stdout=log, stderr=log) as process:
                try:
                    scaled.declare()
                    yield scaled
                finally:
                    process.kill()
        finally:
            plane.stop()


def _user(scaled: Scaled, kubeconfig: Path) -> Path:
    """A service account with the rights that the platform gives Karpenter, and those by which its simulation adds nodes
    and remembers them."""
    simulation = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        },
    ]
    rules = [*map(plain, (*rights.in_the_cluster(), *rights.in_its_namespace())), *simulation]
    scaled.call("POST", f"{ACCOUNTS}", {"metadata": {"name": CONTROLLER}})
    scaled.call("POST", f"{RBAC}/clusterroles", {"metadata": {"name": CONTROLLER}, "rules": rules})
    binding = {
        "metadata": {"name": CONTROLLER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": CONTROLLER},
        "subjects": [{"kind": "ServiceAccount", "name": CONTROLLER, "namespace": NAMESPACE}],
    }
    scaled.call("POST", f"{RBAC}/clusterrolebindings", binding)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    token = scaled.call("POST", f"{ACCOUNTS}/{CONTROLLER}/token", asked)["status"]["token"]
    document = json.loads(scaled.plane.kubeconfig.read_text())
    (user,) = document["users"]
    user["user"] = {"token": token}
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(json.dumps(document))
    return kubeconfig


def _environment(address: str, kubeconfig: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    around = Surroundings(cluster=CLUSTER, region=REGION, queue=CLUSTER, reaches_prices=True)
    return {
        **kept,
        **{name: str(value) for name, value in environment(around).items()},
        "SYSTEM_NAMESPACE": NAMESPACE,
        "KUBECONFIG": str(kubeconfig),
        "LEADER_ELECTION_NAMESPACE": NAMESPACE,
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        # Free ones.
        "METRICS_PORT": "0",
        "HEALTH_PROBE_PORT": "0",
    }


def _account(aws: Callable[[str], Any]) -> None:
    """What nodes are started in, marked as the platform marks it, and the cluster, which Karpenter describes."""
    ec2, iam = aws("ec2"), aws("iam")

    def marked(kind: str) -> list[Any]:
        return [{"ResourceType": kind, "Tags": [{"Key": DISCOVERY, "Value": CLUSTER}]}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"{REGION}{zone}",
            TagSpecifications=marked("subnet"),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    ec2.create_security_group(
        GroupName="nodes", Description="nodes", VpcId=vpc, TagSpecifications=marked("security-group")
    )
    aws("sqs").create_queue(QueueName=CLUSTER)
    node = COMMON.instance_profile
    iam.create_role(RoleName=node, AssumeRolePolicyDocument=service_trust("ec2"))
    iam.create_instance_profile(InstanceProfileName=node)
    iam.add_role_to_instance_profile(InstanceProfileName=node, RoleName=node)
    plane = iam.create_role(RoleName="control-plane", AssumeRolePolicyDocument=service_trust("eks"))["Role"]["Arn"]
    aws("eks").create_cluster(name=CLUSTER, version="1.34", roleArn=plane, resourcesVpcConfig={"subnetIds": subnets})


def _definition(name: str, spec: Document) -> Document:
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def _path(document: Document) -> str:
    return f"/apis/{document['apiVersion']}/{document['kind'].lower().replace('class', 'classe')}s"

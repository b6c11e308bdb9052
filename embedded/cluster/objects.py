"""What every cluster holds from the start: rights of its parts, the default storage class, the simulated nodes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from modules.core.simulation import SIMULATED

from .api import ApiError, Client, Json
from .spec import ClusterSpec

RBAC = "/apis/rbac.authorization.k8s.io/v1"
KWOK_ANNOTATION = ("kwok.x-k8s.io/node", "fake")
READ = ("get", "list", "watch")


def apply_all(client: Client, spec: ClusterSpec) -> None:
    """Makes the objects what they should be, and removes simulated nodes that are one too many."""
    for path, document in [*rights(), storage_class(), *(simulated_node(n) for n in range(spec.simulated_nodes))]:
        client.apply(path, document)
    wanted = {simulated_name(n) for n in range(spec.simulated_nodes)}
    nodes = client.get(f"/api/v1/nodes?labelSelector={SIMULATED}%3Dtrue")
    for node in nodes["items"]:
        if node["metadata"]["name"] not in wanted:
            _delete(client, f"/api/v1/nodes/{node['metadata']['name']}")


def node_is_ready(client: Client, name: str, since: datetime) -> bool:
    """Whether pods can be placed on a node: it said so after `since`, no taint keeps them away, and the account that
    they run under by default is there.
    """
    try:
        node = client.get(f"/api/v1/nodes/{name}")
        client.get("/api/v1/namespaces/default/serviceaccounts/default")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    ready = any(
        condition["status"] == "True" and datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since
        for condition in node["status"].get("conditions", [])
        if condition["type"] == "Ready"
    )
    return ready and not node["spec"].get("taints")


def outdated_pods(client: Client, name: str, since: datetime) -> list[str]:
    """Pods of a node that are still told to run what they ran before `since`, when the node itself did not."""
    pods: list[Json] = client.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}")["items"]

    def outdated(pod: Json) -> bool:
        containers: list[Json] = pod["status"].get("containerStatuses") or []
        running = [container["state"]["running"] for container in containers if "running" in container["state"]]
        return any(datetime.fromisoformat(state["startedAt"]) < since for state in running)

    return [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods if outdated(pod)]


def rights() -> Iterator[tuple[str, Json]]:
    """Roles of the parts that Kubernetes has none for, each bound to the user of that part's certificate."""
    yield from _role(
        "groundwork:coredns",
        [
            _rule("", ("endpoints", "services", "pods", "namespaces"), READ),
            _rule("discovery.k8s.io", ("endpointslices",), READ),
        ],
    )
    yield from _role("groundwork:forwarder", [_rule("", ("services",), READ)])
    yield from _role(
        "groundwork:kwok",
        [
            _rule("", ("nodes", "pods"), (*READ, "patch", "update")),
            _rule("", ("pods",), ("delete",)),
            _rule("", ("nodes/status", "pods/status"), ("patch", "update")),
            _rule("", ("events",), ("create", "patch", "update")),
            _rule("coordination.k8s.io", ("leases",), (*READ, "create", "patch", "update")),
        ],
    )
    yield _binding("groundwork:kube-apiserver", "system:kubelet-api-admin")


def storage_class() -> tuple[str, Json]:
    name = "standard"
    return f"/apis/storage.k8s.io/v1/storageclasses/{name}", {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def simulated_name(number: int) -> str:
    return f"simulated-{number}"


def simulated_node(number: int) -> tuple[str, Json]:
    name = simulated_name(number)
    return f"/api/v1/nodes/{name}", {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": dict([KWOK_ANNOTATION]),
            "labels": {
                SIMULATED: "true",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"taints": [{"key": SIMULATED, "value": "true", "effect": "NoSchedule"}]},
    }


def _role(user: str, rules: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": user},
        "rules": list(rules),
    }
    yield f"{RBAC}/clusterroles/{user}", role
    yield _binding(user, user)


def _binding(user: str, role: str) -> tuple[str, Json]:
    group = "rbac.authorization.k8s.io"
    return f"{RBAC}/clusterrolebindings/{user}", {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _delete(client: Client, path: str) -> None:
    try:
        client.delete(path)
    except ApiError as error:
        if error.status != 404:
            raise

"""What every cluster holds from the start: permissions of its parts, the default storage class, the simulated nodes."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from modules.core.simulation import SIMULATED, SimulatedNode

from .api import ApiError, Client, Json
from .layout import ADMINS, METRICS_PORT, Layout
from .restrictions import restrictions
from .spec import ClusterSpec

RBAC = "/apis/rbac.authorization.k8s.io/v1"
KWOK_ANNOTATION = ("kwok.x-k8s.io/node", "fake")
READ = ("get", "list", "watch")
METRICS_SERVICE = ("metrics-server", "kube-system")
METRICS_HTTPS: Json = {"name": "https", "port": METRICS_PORT, "protocol": "TCP"}


def apply_all(client: Client, spec: ClusterSpec) -> None:
    """Makes the objects what they should be, and removes simulated nodes that are one too many."""
    nodes = [*(unlike_any_pool(number) for number in range(spec.simulated_nodes)), *spec.simulated_pools]
    simulated = map(simulated_node, nodes)
    for path, document in [*rbac_objects(), storage_class(), *metrics_api(spec), *restrictions(spec), *simulated]:
        client.apply(path, document)
    for path, document in map(capacity_of, spec.simulated_pools):
        client.apply(path, document)
    wanted = {node.name for node in nodes}
    found = client.get(f"/api/v1/nodes?labelSelector={SIMULATED}%3Dtrue")
    for node in found["items"]:
        if node["metadata"]["name"] not in wanted:
            _delete(client, f"/api/v1/nodes/{node['metadata']['name']}")


def node_is_ready(client: Client, name: str, since: datetime) -> bool:
    """Whether pods can be placed on a node: it reported so after `since`, no taint keeps them away, and the account
    that they run under by default is there.
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
    """Pods of a node that are still reported to run what they ran before `since`, when the node itself did not."""
    pods: list[Json] = client.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}")["items"]

    def outdated(pod: Json) -> bool:
        containers: list[Json] = pod["status"].get("containerStatuses") or []
        running = [container["state"]["running"] for container in containers if "running" in container["state"]]
        return any(datetime.fromisoformat(state["startedAt"]) < since for state in running)

    return [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods if outdated(pod)]


def rbac_objects() -> Iterator[tuple[str, Json]]:
    """Roles of the parts that Kubernetes has none for, each bound to the user of that part's certificate."""
    yield from _role(
        "groundwork:coredns",
        [
            _rule("", ("endpoints", "services", "pods", "namespaces"), READ),
            _rule("discovery.k8s.io", ("endpointslices",), READ),
        ],
    )
    yield from _role("groundwork:forwarder", [_rule("", ("services", "namespaces"), READ)])
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
    yield from _role(
        "groundwork:kube-router",
        [
            _rule("", ("namespaces", "pods", "services", "nodes", "endpoints"), READ),
            _rule("networking.k8s.io", ("networkpolicies",), READ),
            _rule("discovery.k8s.io", ("endpointslices",), READ),
        ],
    )
    yield from _role(
        "groundwork:metrics-server",
        [
            _rule("", ("nodes/metrics",), ("get",)),
            _rule("", ("pods", "nodes"), READ),
            # Asks the API server who it is that asks for metrics, and whether they may.
            _rule("authentication.k8s.io", ("tokenreviews",), ("create",)),
            _rule("authorization.k8s.io", ("subjectaccessreviews",), ("create",)),
            # In kube-system: as whom the API server passes requests on.
            _rule("", ("configmaps",), READ, names=("extension-apiserver-authentication",)),
        ],
    )
    yield _binding("groundwork:kube-apiserver", "system:kubelet-api-admin")
    yield _binding(ADMINS, "cluster-admin", kind="Group")


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


def metrics_api(spec: ClusterSpec) -> Iterator[tuple[str, Json]]:
    """By which the API server finds metrics-server: a process of the node, which no selector could find."""
    name, namespace = METRICS_SERVICE
    yield (
        f"/api/v1/namespaces/{namespace}/services/{name}",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": [{**METRICS_HTTPS, "port": 443, "targetPort": METRICS_PORT}]},
        },
    )
    yield metrics_endpoint(spec, serving=False)
    ca_certificate = Layout(spec.state_dir).certificate("ca").read_bytes()
    yield (
        "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io",
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {"name": name, "namespace": namespace, "port": 443},
                "caBundle": base64.b64encode(ca_certificate).decode(),
            },
        },
    )


def metrics_endpoint(spec: ClusterSpec, *, serving: bool) -> tuple[str, Json]:
    name, namespace = METRICS_SERVICE
    endpoint = {"addresses": [str(spec.addresses.node)], "conditions": {"ready": True}}
    return f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/{name}", {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [METRICS_HTTPS],
        "endpoints": [endpoint] if serving else [],
    }


def lead_to_metrics(client: Client, spec: ClusterSpec) -> None:
    """Leads the API server to metrics-server, which serves by now: it asks there as soon as the address appears. Had it
    asked earlier, it would wait longer after each failure. ApiError until it has an answer: as long as it knows of an
    API that does not answer, clients refuse to work with it.
    """
    client.apply(*metrics_endpoint(spec, serving=True))
    client.get("/apis/metrics.k8s.io/v1beta1")


def unlike_any_pool(number: int) -> SimulatedNode:
    """A simulated node for whatever has no image here: it has more than any pod asks for."""
    return SimulatedNode(name=f"simulated-{number}", labels={}, taints=(), capacity={})


def simulated_node(node: SimulatedNode) -> tuple[str, Json]:
    """A node that only kwok knows, marked as simulated beside what its pool says."""
    return f"/api/v1/nodes/{node.name}", {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "annotations": dict([KWOK_ANNOTATION]),
            "labels": {
                **node.labels,
                SIMULATED: "true",
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"taints": [{"key": SIMULATED, "value": "true", "effect": "NoSchedule"}, *node.taints]},
    }


def capacity_of(node: SimulatedNode) -> tuple[str, Json]:
    """What a node of a pool has for pods, as its status; kwok leaves it as it is."""
    return f"/api/v1/nodes/{node.name}/status", {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name},
        "status": {"capacity": dict(node.capacity), "allocatable": dict(node.capacity)},
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


def _binding(name: str, role: str, kind: str = "User") -> tuple[str, Json]:
    group = "rbac.authorization.k8s.io"
    return f"{RBAC}/clusterrolebindings/{name}", {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": kind, "name": name}],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return {**rule, "resourceNames": list(names)} if names else rule


def _delete(client: Client, path: str) -> None:
    try:
        client.delete(path)
    except ApiError as error:
        if error.status != 404:
            raise

"""EKS: what access policies allow in a cluster, as bindings of Kubernetes' own roles."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from embedded.cluster.api import ApiError, Client, Json

from .eks_common import Fields

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PRINCIPAL = "eks.amazonaws.com/principal"
"""Label of a binding: a digest of the principal that it is for."""
ROLES = {
    "AmazonEKSClusterAdminPolicy": "cluster-admin",
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
}
"""The role of Kubernetes that allows what a policy does. The other policies are of AWS's own services."""


def apply_access(client: Client, principal: str, entry: Fields | None, policies: Sequence[Fields]) -> None:
    """Give a principal the roles of its policies, and take those away that it has no more. entry: None where it has
    none any more. A namespace of a policy that is not there yet gets its binding by a later call."""
    requested = dict(bindings(principal, entry["username"], policies)) if entry else {}
    for kind in ("clusterrolebindings", "rolebindings"):
        found = client.get(f"{RBAC}/{kind}?labelSelector={PRINCIPAL}%3D{_digest(principal)}")
        for item in found["items"]:
            path = _path(item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if path not in requested:
                client.delete(path)
    for path, document in requested.items():
        try:
            client.apply(path, document)
        except ApiError as error:
            if error.status != 404:
                raise


def bindings(principal: str, username: str, policies: Sequence[Fields]) -> Iterator[tuple[str, Json]]:
    """Yield path and document of each binding. Pure."""
    group = "rbac.authorization.k8s.io"
    for policy in policies:
        name: str = policy["policyArn"].rpartition("/")[2]
        if name not in ROLES:
            continue
        scope = policy["accessScope"]
        for namespace in scope.get("namespaces") or [""] if scope["type"] == "namespace" else [""]:
            metadata: Fields = {
                "name": f"{name.lower()}-{_digest(principal)}",
                "labels": {PRINCIPAL: _digest(principal)},
            }
            if namespace:
                metadata["namespace"] = namespace
            yield (
                _path(namespace, metadata["name"]),
                {
                    "apiVersion": f"{group}/v1",
                    "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
                    "metadata": metadata,
                    "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": ROLES[name]},
                    "subjects": [{"apiGroup": group, "kind": "User", "name": username}],
                },
            )


def _path(namespace: str, name: str) -> str:
    return f"{RBAC}/namespaces/{namespace}/rolebindings/{name}" if namespace else f"{RBAC}/clusterrolebindings/{name}"


def _digest(principal: str) -> str:
    return hashlib.sha256(principal.encode()).hexdigest()[:16]


def principal_of(caller: str) -> str:
    """Return the role or user of IAM that a caller, as STS names it, is by. Pure."""
    head, _, resource = caller.rpartition(":")
    head = head.replace(":sts:", ":iam:")
    kind, _, rest = resource.partition("/")
    return f"{head}:role/{rest.rpartition('/')[0]}" if kind == "assumed-role" else f"{head}:{resource}"


def entry_of(entries: dict[str, Any], caller: str) -> Any:
    """Return the access entry of a caller, None where it has none. A session's name says nothing of its role's path."""
    principal = principal_of(caller)
    role = principal.rpartition("/")[2]
    for known, entry in entries.items():
        if known == principal or (":role/" in principal and ":role/" in known and known.rpartition("/")[2] == role):
            return entry
    return None

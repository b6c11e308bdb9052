from collections.abc import Iterable
from typing import Any

from stacks.foundation.rights import (
    CLUSTER_DECLARED,
    CLUSTER_USED,
    NAMESPACED,
    Right,
    namespace_documents,
    required,
    resource_of,
    rights_of,
    role_documents,
)

PODS = [
    Right("", "pods", "get"),
    Right("", "pods", "list"),
    Right("", "services", "get"),
    Right("", "services", "list"),
]


def of_kind(documents: Iterable[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (each for each in documents if each["kind"] == kind)
    return found


def test_who_makes_namespaces_needs_everything_everywhere_and_others_in_theirs_only() -> None:
    assert required(["a", "b"], cluster_scope=True) == {
        None: rights_of((*NAMESPACED, *CLUSTER_DECLARED, *CLUSTER_USED))
    }
    inside = rights_of(NAMESPACED)
    assert required(["a", "b"], cluster_scope=False) == {None: rights_of(CLUSTER_USED), "a": inside, "b": inside}


def test_a_role_grants_these_rights_to_whom_it_is_for() -> None:
    documents = role_documents("groundwork-team", {"team-mlflow": PODS}, ("User", "jane"))
    role, binding = of_kind(documents, "Role"), of_kind(documents, "RoleBinding")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}]
    assert role["metadata"] == binding["metadata"] == {"name": "groundwork-team", "namespace": "team-mlflow"}
    assert binding["roleRef"]["name"] == "groundwork-team"
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]


def test_what_holds_everywhere_is_a_cluster_role_and_nothing_is_no_role() -> None:
    documents = role_documents("groundwork-team", {None: PODS, "team-mlflow": []}, ("Group", "ml"))
    assert [each["kind"] for each in documents] == ["ClusterRole", "ClusterRoleBinding"]


def test_an_admins_namespaces_are_restricted() -> None:
    (namespace,) = namespace_documents(["team-mlflow"])
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_resource_of_a_kind_is_its_plural() -> None:
    kinds = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "Secret": "secrets", "CronJob": "cronjobs"}
    assert {kind: resource_of(kind) for kind in kinds} == kinds

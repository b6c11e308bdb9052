from collections.abc import Iterable
from typing import Any

import pytest

from stacks.foundation.reached import ReachedSettings
from stacks.foundation.rights import (
    CLUSTER_DECLARED,
    CLUSTER_USED,
    NAMESPACED,
    Right,
    Rule,
    entry_rules,
    namespace_documents,
    required,
    resource_of,
    rights_of,
    role_documents,
)

ENTRY = Rule(group="networking.k8s.io", resources=("ingresses",), verbs=("create",), purpose="how it is reached")
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
    assert required(["a", "b"], cluster_scope=True, further={}) == {
        None: rights_of((*NAMESPACED, *CLUSTER_DECLARED, *CLUSTER_USED))
    }
    inside = rights_of(NAMESPACED)
    granted = required(["a", "b"], cluster_scope=False, further={"b": [ENTRY]})
    assert granted == {None: rights_of(CLUSTER_USED), "a": inside, "b": rights_of((*NAMESPACED, ENTRY))}


def test_the_right_to_bound_namespaces_is_needed_where_there_are_bounds() -> None:
    def named(**further: Any) -> set[str]:
        (rights,) = required(["a"], cluster_scope=True, further={}, **further).values()
        return {right.resource for right in rights}

    assert named() - named(quotas=False) == {"limitranges", "resourcequotas"}


def through(passthrough: bool) -> dict[str, Any]:
    gateway = {"name": "front", "namespace": "front", "passthrough": passthrough}
    return {"by": "gateway-api", "domain": "ml.example", "gateway": gateway}


@pytest.mark.parametrize(
    ("reached", "resources"),
    [
        ({"by": "none"}, set[str]()),
        ({"by": "ingress", "domain": "ml.example", "ingress_class": "nginx"}, {"ingresses"}),
        ({"by": "ingress", "domain": "ml.example", "ingress_class": "traefik"}, {"ingresses", "serverstransports"}),
        (through(False), {"backendtlspolicies", "httproutes"}),
        (through(True), {"tlsroutes"}),
    ],
)
def test_what_stands_in_front_of_the_gateway_needs_rights_of_its_own(
    reached: dict[str, Any], resources: set[str]
) -> None:
    assert {right.resource for right in rights_of(entry_rules(ReachedSettings.model_validate(reached)))} == resources


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

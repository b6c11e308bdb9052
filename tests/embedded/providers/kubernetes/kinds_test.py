"""Every kind that the server knows, by discovery; clear words for those that it, or this stand-in, does not."""

from collections.abc import Callable
from typing import Any

import pytest

from embedded.providers.base import ProviderError
from tests.embedded.providers.kubernetes.harness import Session, through_the_wire
from tests.embedded.providers.kubernetes.manifests import (
    claim,
    config_map,
    custom,
    definition,
    deployment,
    job,
    named,
    namespace_of,
    pod_spec,
    secret,
    service,
    stateful_set,
    template,
    with_annotations,
)

Manifest = dict[str, Any]


def of(api_version: str, kind: str, name: str, namespace: str, **fields: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": named(name, namespace), **fields}


RULE = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
SUBJECT = [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "nobody"}]
RULES = [{"apiGroups": ["never.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}]
WEBHOOK = {
    "name": "hook.example.com",
    "clientConfig": {"url": "https://127.0.0.1:1"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "rules": [
        {"apiGroups": ["never.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}
    ],
}
POLICY = {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": "true"}]}


def cases(namespace: str) -> list[Manifest]:
    """One object of each kind that programs declare."""
    apps, n = "apps/v1", namespace
    nightly = {"schedule": "0 0 * * *", "jobTemplate": {"spec": job(n)["spec"]}}
    volume = {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}, "accessModes": ["ReadWriteOnce"]}
    selected = {"selector": {"matchLabels": {"app": "x"}}, "template": template("x")}
    network, rbac, storage = "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1"
    return [
        config_map(n),
        secret(n, a="1"),
        service(n, clusterIP="None"),
        deployment(n),
        stateful_set(n),
        of(apps, "DaemonSet", "agent", n, spec=selected),
        of(apps, "ReplicaSet", "set", n, spec={"replicas": 1, **selected}),
        job(n),
        of("batch/v1", "CronJob", "nightly", n, spec=nightly),
        of("v1", "Pod", "alone", n, spec=pod_spec()),
        of("v1", "ServiceAccount", "robot", n),
        of("v1", "LimitRange", "limits", n, spec={"limits": [{"type": "Container", "max": {"cpu": "4"}}]}),
        of("v1", "ResourceQuota", "quota", n, spec={"hard": {"configmaps": "100"}}),
        of(
            "v1",
            "ReplicationController",
            "old",
            n,
            spec={"replicas": 1, "selector": {"app": "y"}} | {"template": template("y")},
        ),
        of("v1", "PersistentVolume", f"{n}-volume", "", spec={**volume, "storageClassName": f"{n}-none"}),
        with_annotations(claim(n, storageClassName="never"), {"pulumi.com/skipAwait": "true"}),
        namespace_of(f"{n}-more"),
        of(network, "NetworkPolicy", "deny", n, spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
        of(network, "IngressClass", f"{n}-class", "", spec={"controller": "example.com/none"}),
        of(rbac, "Role", "reader", n, rules=RULE),
        of(rbac, "RoleBinding", "readers", n, roleRef=ROLE, subjects=SUBJECT),
        of(rbac, "ClusterRole", f"{n}-reader", "", rules=RULE),
        of(rbac, "ClusterRoleBinding", f"{n}-readers", "", roleRef=ROLE, subjects=SUBJECT),
        of(storage, "StorageClass", f"{n}-slow", "", provisioner="example.com/none", volumeBindingMode="Immediate"),
        of(storage, "CSIDriver", f"{n}.example.com", "", spec={"attachRequired": False}),
        of("scheduling.k8s.io/v1", "PriorityClass", f"{n}-low", "", value=-10),
        of("policy/v1", "PodDisruptionBudget", "few", n, spec={"maxUnavailable": 1, "selector": {}}),
        of(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "scaler",
            n,
            spec={"maxReplicas": 3} | {"scaleTargetRef": {"apiVersion": apps, "kind": "Deployment", "name": "web"}},
        ),
        of("coordination.k8s.io/v1", "Lease", "lock", n, spec={"holderIdentity": "me"}),
        of("node.k8s.io/v1", "RuntimeClass", f"{n}-sandbox", "", handler="none"),
        of("discovery.k8s.io/v1", "EndpointSlice", "slice", n, addressType="IPv4", endpoints=[], ports=[]),
        of(
            "flowcontrol.apiserver.k8s.io/v1",
            "FlowSchema",
            f"{n}-flow",
            "",
            spec={"matchingPrecedence": 9000} | {"priorityLevelConfiguration": {"name": "global-default"}},
        ),
        of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", f"{n}-hook", "", webhooks=[WEBHOOK]),
        of("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", f"{n}-policy", "", spec=POLICY),
        of(
            "apiregistration.k8s.io/v1",
            "APIService",
            f"v1.{n}.example.com",
            "",
            spec={"group": f"{n}.example.com"}
            | {"version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10}
            | {"service": {"name": "web", "namespace": n}, "insecureSkipTLSVerify": True},
        ),
    ]


NAMES = [f"{case['kind']}" for case in cases("x")]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_built_in_kind_is_made_shows_no_difference_and_goes(session: Session, namespace: str, number: int) -> None:
    manifest = cases(namespace)[number]
    made = session.create(manifest)
    assert made.plain["metadata"]["uid"]
    assert session.diff(made, manifest).changes == {}
    refreshed = session.refresh(made)
    assert refreshed is not None
    assert session.diff(refreshed, manifest).changes == {}
    session.delete(made)
    assert session.refresh(made) is None


def test_a_custom_resource_is_made_with_its_definition_in_the_same_run(session: Session, namespace: str) -> None:
    made = session.create(definition(f"{namespace}.example.com", "Lake"))
    assert made.plain["status"]["conditions"]
    lake = custom(f"{namespace}.example.com", "Lake", "one", namespace, size=3)
    one = session.create(lake)
    assert one.id == f"{namespace}/one"
    assert session.diff(one, lake).changes == {}


def test_a_custom_resource_whose_namespace_could_not_be_guessed_shows_no_difference_later(
    session: Session, namespace: str, another_run: Callable[[], Session]
) -> None:
    group = f"{namespace}.example.com"
    lake = custom(group, "Pond", "one", size=3)
    resource = session.resource(lake)
    inputs = session.check(resource, lake)
    session.create(definition(group, "Pond"))
    made = session.provider.create(session.call(resource.urn), resource, inputs)
    assert made.id == "default/one"
    later = another_run()
    checked = later.check(resource, lake, inputs)
    state = through_the_wire(made.properties)
    assert later.provider.diff(resource, made.id, state, inputs, checked).changes == {}


def test_cluster_wide_custom_resources_get_no_namespace(session: Session, namespace: str) -> None:
    session.create(definition(f"{namespace}.example.com", "Sea", scope="Cluster"))
    assert session.create(custom(f"{namespace}.example.com", "Sea", "north")).id == "north"


def test_an_unknown_kind_is_named_with_what_to_do(session: Session, namespace: str) -> None:
    with pytest.raises(ProviderError, match=r"no kind 'Gadget' in 'things.example.com/v1'.*CustomResourceDefinition"):
        session.create(custom("things.example.com", "Gadget", "g", namespace))


def test_an_unknown_kind_of_a_built_in_group_is_refused_in_preview(session: Session, namespace: str) -> None:
    with pytest.raises(ProviderError, match=r"no kind 'Deploymint' in 'apps/v1'"):
        session.preview({"apiVersion": "apps/v1", "kind": "Deploymint", "metadata": named("x", namespace)})


@pytest.mark.parametrize(
    ("type", "words"),
    [
        ("kubernetes:helm.sh/v3:Release", "Helm releases need the official plugin"),
        ("kubernetes:yaml/v2:ConfigFile", "yaml.ConfigFile works here"),
    ],
)
def test_what_is_left_out_says_so(session: Session, type: str, words: str) -> None:
    resource = session.resource({"metadata": {"name": "x"}}, type=type)
    failures = session.provider.check(resource, {}, {"chart": "x"}, b"").failures
    assert words in failures[0].reason
    assert words in session.provider.left_out(type)


def test_a_list_is_refused(session: Session) -> None:
    resource = session.resource({"apiVersion": "v1", "kind": "ConfigMapList"})
    inputs: Manifest = {"apiVersion": "v1", "kind": "ConfigMapList", "items": []}
    assert "each of its items" in session.provider.check(resource, {}, inputs, b"").failures[0].reason


def test_an_unknown_deletion_policy_is_refused(session: Session) -> None:
    manifest = with_annotations(config_map("there"), {"pulumi.com/deletionPropagationPolicy": "slowly"})
    (failure,) = session.provider.check(session.resource(manifest), {}, manifest, b"").failures
    assert failure.property == 'metadata.annotations["pulumi.com/deletionPropagationPolicy"]'
    assert failure.reason == "'slowly' is no such policy; allowed are foreground, background, orphan"


def test_a_yaml_text_is_taken_apart_for_config_files(session: Session) -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n"
    arguments = {"text": text, "defaultNamespace": "there"}
    found = session.provider.invoke(session.call(""), "kubernetes:yaml:decode", arguments)["result"]
    assert found == [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "there"}}]

"""What Airflow's accounts may start and end: their roles know pods only as such, admission policies what is in them.

A DAG's author chooses a pod's image, account and volumes, for tasks (KubernetesPodOperator) and, with the
KubernetesExecutor, for what runs them (`executor_config`). The policies hold both to the pods that the platform
declared: the same account, images by digest, Secrets, and labels, by which network policies and Services know a pod.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchConditionArgs,
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs

from modules.core.naming import canonical_json

SIDECAR = "airflow-xcom-sidecar"
"""Name of the container from which Airflow reads a task's result."""
IDENTITY = ("app.kubernetes.io/name", "app.kubernetes.io/component")
"""By which network policies and Services select pods."""


def pods_policy(
    documents: Iterable[Mapping[str, Any]], *, accounts_of: str, images: Iterable[str] = ()
) -> ValidatingAdmissionPolicySpecArgs:
    """Return the policy for pods that are created, patched or deleted by the service accounts of the namespace
    `accounts_of`: what is created has the service account, images, Secrets and identity labels of one of `documents`,
    and only such pods are patched or deleted. `images`: of containers that Airflow adds."""
    pods = list(documents)
    accounts = _values(pod["spec"]["serviceAccountName"] for pod in pods)
    allowed = _values([*images, *(each["image"] for pod in pods for each in pod["spec"]["containers"])])
    secrets = _values(
        volume["secret"]["secretName"]
        for pod in pods
        for volume in pod["spec"].get("volumes", ())
        if "secret" in volume
    )
    rules = {
        f"serviceAccountName is none of {accounts}": f"object.spec.serviceAccountName in {accounts}",
        f"an image is none of {allowed}, or a container is no plain one": (
            f"object.spec.containers.all(c, c.image in {allowed}) && {_none('initContainers')} "
            f"&& {_none('ephemeralContainers')}"
        ),
        f"a volume is neither emptyDir, configMap nor downwardAPI, nor a Secret of {secrets}": (
            "!has(object.spec.volumes) || object.spec.volumes.all(v, has(v.emptyDir) || has(v.configMap) "
            "|| has(v.downwardAPI) || (has(v.projected) && v.projected.sources.all(s, !has(s.secret))) "
            f"|| (has(v.secret) && v.secret.secretName in {secrets}))"
        ),
        "a variable is read from a Secret": (
            "object.spec.containers.all(c, "
            "(!has(c.envFrom) || c.envFrom.all(e, !has(e.secretRef))) && "
            "(!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef))))"
        ),
    }
    created = [_rule(f"request.operation != 'CREATE' || ({rule})", refused) for refused, rule in rules.items()]
    labelled = [_labelled(label, _values(pod["metadata"]["labels"][label] for pod in pods)) for label in IDENTITY]
    return _policy(
        accounts_of,
        resource="pods",
        operations=["CREATE", "UPDATE", "DELETE"],
        validations=[
            *created,
            *labelled,
            _rule("request.operation != 'UPDATE' || object.spec == oldObject.spec", "the pod's spec is another"),
        ],
    )


def exec_policy(*, accounts_of: str) -> ValidatingAdmissionPolicySpecArgs:
    """Return the policy for commands in running containers: in the sidecar, which only tasks' pods have."""
    return _policy(
        accounts_of,
        resource="pods/exec",
        operations=["CONNECT"],
        validations=[
            _rule(f"has(object.container) && object.container == '{SIDECAR}'", f"the container is not {SIDECAR}")
        ],
    )


def binding(policy: pulumi.Input[str], namespaces: list[pulumi.Input[str]]) -> ValidatingAdmissionPolicyBindingSpecArgs:
    """Return what puts a policy into force, in these namespaces."""
    names = LabelSelectorRequirementArgs(key="kubernetes.io/metadata.name", operator="In", values=namespaces)
    return ValidatingAdmissionPolicyBindingSpecArgs(
        policy_name=policy,
        validation_actions=["Deny"],
        match_resources=MatchResourcesArgs(namespace_selector=LabelSelectorArgs(match_expressions=[names])),
    )


def _policy(
    accounts_of: str, *, resource: str, operations: list[str], validations: list[ValidationArgs]
) -> ValidatingAdmissionPolicySpecArgs:
    rule = NamedRuleWithOperationsArgs(
        api_groups=[""], api_versions=["v1"], resources=[resource], operations=operations, scope="Namespaced"
    )
    return ValidatingAdmissionPolicySpecArgs(
        failure_policy="Fail",
        match_constraints=MatchResourcesArgs(resource_rules=[rule]),
        match_conditions=[
            MatchConditionArgs(
                name="airflow", expression=f"'system:serviceaccounts:{accounts_of}' in request.userInfo.groups"
            )
        ],
        validations=validations,
    )


def _labelled(label: str, values: str) -> ValidationArgs:
    """A null stands for the object that is not there yet, or is not any more."""
    labels = "o.metadata.labels"
    return _rule(
        "[object, oldObject].all(o, o == null || "
        f"(has({labels}) && '{label}' in {labels} && {labels}['{label}'] in {values}))",
        f"the pod's label {label} is none of {values}",
    )


def _rule(expression: str, refused: str) -> ValidationArgs:
    return ValidationArgs(expression=expression, message=f"Airflow may not do that: {refused}", reason="Forbidden")


def _none(containers: str) -> str:
    return f"(!has(object.spec.{containers}) || size(object.spec.{containers}) == 0)"


def _values(texts: Iterable[str]) -> str:
    """As a list of CEL, which is written as JSON."""
    return canonical_json(sorted(set(texts)))

"""A cluster that chooses the user of pods, as OpenShift's `restricted-v2` does: one that images don't know, in group 0.

Pods that name none get it; pods that name another are refused."""

from typing import Any

FIRST, LAST = 1000660000, 1000669999
"""The range of every namespace here. On OpenShift each has another."""
NAME = "uid-range"

_API = "admissionregistration.k8s.io/v1"
_IN_RANGE = (
    f"object.spec.securityContext.runAsUser >= {FIRST} && object.spec.securityContext.runAsUser <= {LAST} && "
    f"object.spec.securityContext.fsGroup >= {FIRST} && object.spec.securityContext.fsGroup <= {LAST} && "
    "!has(object.spec.securityContext.runAsGroup) && "
    "object.spec.containers.all(each, !has(each.securityContext.runAsUser))"
)
_CHOSEN = (
    "Object{spec: Object.spec{securityContext: Object.spec.securityContext{"
    f"runAsUser: {FIRST}, fsGroup: {FIRST}"
    "}}}"
)


def uid_range(namespaces: dict[str, str]) -> dict[str, Any]:
    """The admission policies, as a list for `kubectl apply`, for pods in namespaces with these labels."""
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    where = {"namespaceSelector": {"matchLabels": namespaces}, "resourceRules": [pods]}
    mutating = {
        "matchConstraints": where,
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConditions": [{"name": "no-user", "expression": "!has(object.spec.securityContext.runAsUser)"}],
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": _CHOSEN}}],
    }
    validating = {
        "matchConstraints": where,
        "failurePolicy": "Fail",
        "validations": [{"expression": _IN_RANGE, "message": f"users and groups are those of {FIRST} to {LAST}"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            _object("MutatingAdmissionPolicy", mutating),
            _object("MutatingAdmissionPolicyBinding", {"policyName": NAME}),
            _object("ValidatingAdmissionPolicy", validating),
            _object("ValidatingAdmissionPolicyBinding", {"policyName": NAME, "validationActions": ["Deny"]}),
        ],
    }


def _object(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": NAME}, "spec": spec}

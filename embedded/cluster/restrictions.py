"""What an environment's cluster refuses, whoever asks: images of elsewhere in pods of the platform, and connections of
pods in Kubernetes' own namespaces, where none is. A bare cluster is a person's own."""

import re
from collections.abc import Iterator

from modules.core.labels import PART_OF
from modules.core.simulation import SIMULATED

from .api import Json
from .spec import ClusterSpec

OWN_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
PLATFORM = {"app.kubernetes.io/part-of": PART_OF}
"""Labels of the platform's namespaces, which only an admin gives."""
NAME = "groundwork-images"


def restrictions(spec: ClusterSpec) -> Iterator[tuple[str, Json]]:
    """Yield each object with its path."""
    if spec.platform:
        yield from _image_policy(spec.registry_address)
        yield from map(_closed, OWN_NAMESPACES)


def _image_policy(registry: str) -> Iterator[tuple[str, Json]]:
    """By digest and of the cluster's own registry, whoever makes the pod: a Job of a command, a DAG, a person."""
    by_digest = f"^{re.escape(registry)}/.+@sha256:[0-9a-f]{{64}}$"
    lists = ("containers", "?initContainers", "?ephemeralContainers")
    images = (f"object.spec.{each}{'.orValue([])' if each[0] == '?' else ''}.map(c, c.image)" for each in lists)
    yield _admission(
        "Policy",
        {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": PLATFORM},
                "resourceRules": [_pods("pods", "CREATE", "UPDATE"), _pods("pods/ephemeralcontainers", "UPDATE")],
            },
            # On a simulated node nothing runs, whatever the image.
            "matchConditions": [
                {"name": "runs", "expression": f"object.spec.?nodeSelector[?'{SIMULATED}'].orValue('') != 'true'"}
            ],
            "variables": [{"name": "images", "expression": " + ".join(images)}],
            "validations": [
                {
                    "expression": f"variables.images.all(image, image.matches(r'{by_digest}'))",
                    "messageExpression": f"'pods of the platform run images of {registry} by digest, not all of: ' + "
                    "variables.images.join(', ')",
                }
            ],
        },
    )
    yield _admission("PolicyBinding", {"policyName": NAME, "validationActions": ["Deny"]})


def _pods(resource: str, *operations: str) -> Json:
    return {"apiGroups": [""], "apiVersions": ["v1"], "operations": list(operations), "resources": [resource]}


def _admission(kind: str, spec: Json) -> tuple[str, Json]:
    plural = {"Policy": "policies", "PolicyBinding": "policybindings"}[kind]
    return f"/apis/admissionregistration.k8s.io/v1/validatingadmission{plural}/{NAME}", {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"ValidatingAdmission{kind}",
        "metadata": {"name": NAME},
        "spec": spec,
    }


def _closed(namespace: str) -> tuple[str, Json]:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/closed", {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }

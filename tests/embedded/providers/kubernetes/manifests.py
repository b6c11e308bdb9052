"""Objects that the tests make."""

from typing import Any

Manifest = dict[str, Any]
LIMITS = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}


def named(name: str, namespace: str = "", **metadata: Any) -> Manifest:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **metadata}


def config_map(namespace: str, name: str = "settings", **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named(name, namespace), "data": data or {"a": "1"}}


def secret(namespace: str, name: str = "credentials", **data: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named(name, namespace), "stringData": data}


def pod_spec(behaves: str = "", **more: Any) -> Manifest:
    """behaves: what the fake kubelet makes of it; "" for a simulated node, on which every pod is ready at once."""
    container = {"name": "main", "image": "registry.invalid/app:1", "resources": LIMITS}
    where = {"kubernetes.io/hostname": "manual" if behaves else "simulated"}
    return {"containers": [container], "nodeSelector": where, **more}


def template(app: str, behaves: str = "", **more: Any) -> Manifest:
    labels = {"app": app, **({"behaves": behaves} if behaves else {})}
    return {"metadata": {"labels": labels}, "spec": pod_spec(behaves, **more)}


def deployment(namespace: str, name: str = "web", *, behaves: str = "", replicas: int = 1, **more: Any) -> Manifest:
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, behaves),
        **more,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named(name, namespace), "spec": spec}


def stateful_set(namespace: str, name: str = "db", *, behaves: str = "", claims: bool = False, **more: Any) -> Manifest:
    spec: Manifest = {
        "replicas": 1,
        "serviceName": name,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, behaves),
        **more,
    }
    if claims:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim_spec()}]
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": named(name, namespace), "spec": spec}


def job(namespace: str, name: str = "once", *, behaves: str = "", **more: Any) -> Manifest:
    spec = {"template": template(name, behaves, restartPolicy="Never"), **more}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": named(name, namespace), "spec": spec}


def claim_spec(size: str = "1Gi", **more: Any) -> Manifest:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **more}


def claim(namespace: str, name: str = "data", **more: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": named(name, namespace),
        "spec": claim_spec(**more),
    }


def service(namespace: str, name: str = "web", **more: Any) -> Manifest:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}], **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": named(name, namespace), "spec": spec}


def namespace_of(name: str, **labels: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": named(name, labels=labels)}


def definition(group: str, kind: str, *, scope: str = "Namespaced") -> Manifest:
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def custom(group: str, kind: str, name: str, namespace: str = "", **spec: Any) -> Manifest:
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": named(name, namespace), "spec": spec}


def with_annotations(manifest: Manifest, annotations: dict[str, str]) -> Manifest:
    known = manifest["metadata"].get("annotations", {})
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {**known, **annotations}}}


def changed(manifest: Manifest, **spec: Any) -> Manifest:
    """A copy with other fields in its spec."""
    return {**manifest, "spec": {**manifest["spec"], **spec}}

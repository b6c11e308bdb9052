"""The add-on coredns: the name servers of a cluster as pods, labelled as EKS labels them. Pure functions."""

from collections.abc import Iterator

from embedded.cluster.api import Json
from embedded.cluster.configuration import known_names
from embedded.cluster.spec import ClusterSpec

NAME, NAMESPACE = "coredns", "kube-system"
LABELS = {"k8s-app": "kube-dns"}
SERVICE = "kube-dns"
CONFIGURATION = "/etc/coredns"
COPIES = 2
"""As many as EKS runs."""
RBAC = "rbac.authorization.k8s.io"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"
COREFILE = """\
cluster.local:53 in-addr.arpa:53 {{
  errors
  ready :8181
  kubernetes cluster.local in-addr.arpa {{
    pods insecure
    ttl 5
  }}
  cache 5
  loadbalance
}}

.:53 {{
  errors
{names}  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"""


def objects(spec: ClusterSpec, image: str) -> Iterator[tuple[str, Json]]:
    """Yield path and document of each object, in the order in which they are made. image: of CoreDNS."""
    core = f"/api/v1/namespaces/{NAMESPACE}"
    yield f"{core}/serviceaccounts/{NAME}", _object("v1", "ServiceAccount", NAME)
    rules = [
        _read("", "endpoints", "services", "pods", "namespaces"),
        _read("discovery.k8s.io", "endpointslices"),
    ]
    yield (
        f"/apis/{RBAC}/v1/clusterroles/system:{NAME}",
        {**_object(f"{RBAC}/v1", "ClusterRole", f"system:{NAME}", namespace=None), "rules": rules},
    )
    yield (
        f"/apis/{RBAC}/v1/clusterrolebindings/system:{NAME}",
        {
            **_object(f"{RBAC}/v1", "ClusterRoleBinding", f"system:{NAME}", namespace=None),
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"system:{NAME}"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    )
    corefile = COREFILE.format(names=known_names(spec))
    yield f"{core}/configmaps/{NAME}", {**_object("v1", "ConfigMap", NAME), "data": {"Corefile": corefile}}
    ports = [
        {"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol, "targetPort": 53}
        for protocol in ("UDP", "TCP")
    ]
    service = {"selector": LABELS, "clusterIP": str(spec.addresses.dns_service), "ports": ports}
    yield f"{core}/services/{SERVICE}", {**_object("v1", "Service", SERVICE), "spec": service}
    yield (
        DEPLOYMENT,
        {
            **_object("apps/v1", "Deployment", NAME),
            "spec": {
                "replicas": COPIES,
                "selector": {"matchLabels": LABELS},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": LABELS}, "spec": _pod(image)},
            },
        },
    )


def _pod(image: str) -> Json:
    container = {
        "name": NAME,
        "image": image,
        "args": ["-conf", f"{CONFIGURATION}/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"memory": "170Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "configuration", "mountPath": CONFIGURATION, "readOnly": True}],
    }
    return {
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            # The port of names is one of the first 1024, which only root has elsewhere.
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
        "containers": [container],
        "volumes": [{"name": "configuration", "configMap": {"name": NAME}}],
    }


def _object(version: str, kind: str, name: str, *, namespace: str | None = NAMESPACE) -> Json:
    metadata: Json = {"name": name, "labels": LABELS}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {**metadata, "namespace": namespace} if namespace else metadata,
    }


def _read(group: str, *resources: str) -> Json:
    return {"apiGroups": [group], "resources": list(resources), "verbs": ["get", "list", "watch"]}

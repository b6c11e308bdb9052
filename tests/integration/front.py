"""What somebody else has in front of a cluster's services: an Ingress controller, and a Gateway of the Gateway API."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from embedded.cluster import Cluster
from embedded.toolchain.build import installed_compiler

from .pods import SECURE, encoded, kubectl

FRONT = "front"
"""Their namespace, and the name of what is in it."""
NODE_PORT, PORT = 30443, 8443
CLASSES = {"traefik": "traefik.io/ingress-controller", "nginx": "k8s.io/ingress-nginx"}
"""Controller by IngressClass. That of nginx is Traefik's too, which reads the other one's annotations."""
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.5.1"
EXTENSIONS = (
    *("IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware", "MiddlewareTCP", "ServersTransport"),
    *("ServersTransportTCP", "TLSOption", "TLSStore", "TraefikService"),
)
ARGUMENTS = (
    f"--entrypoints.https.address=:{PORT}",
    "--providers.kubernetesingress=true",
    "--providers.kubernetesingress.ingressclass=traefik",
    "--providers.kubernetescrd=true",
    "--providers.kubernetesingressnginx=true",
    "--providers.kubernetesingressnginx.httpsentrypoint=https",
    "--providers.kubernetesgateway=true",
    "--log.level=INFO",
)


def deploy_front(cluster: Cluster, image: str, certificate: Mapping[str, str]) -> None:
    for document in gateway_api():
        kubectl(cluster, "apply", "--server-side", "-f-", document=document)
    items = [*map(extension, EXTENSIONS), *objects(image, certificate)]
    kubectl(cluster, "apply", "-f-", document={"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(cluster, "rollout", "status", f"deployment/{FRONT}", "-n", FRONT, "--timeout=100s")


def gateway_api() -> list[dict[str, Any]]:
    """Its definitions, from its Go module."""
    download = [str(installed_compiler()), "mod", "download", "-json", GATEWAY_API]
    done = subprocess.run(download, capture_output=True, text=True, check=True, cwd="/")
    folder = Path(json.loads(done.stdout)["Dir"]) / "config/crd/standard"
    documents = [each for path in sorted(folder.glob("*_*.yaml")) for each in yaml.safe_load_all(path.read_text())]
    return [each for each in documents if each["kind"] == "CustomResourceDefinition"]


def extension(kind: str) -> dict[str, Any]:
    """A kind of Traefik's own, whose fields nobody checks here."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.traefik.io"},
        "spec": {
            "group": "traefik.io",
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
        },
    }


def objects(image: str, certificate: Mapping[str, str]) -> list[dict[str, Any]]:
    labels = {"app": FRONT}
    container: dict[str, Any] = {
        "name": "traefik",
        "image": image,
        "command": ["traefik", *ARGUMENTS],
        "securityContext": SECURE,
    }
    pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": FRONT, "containers": [container]}}
    ports = [{"port": 443, "targetPort": PORT, "nodePort": NODE_PORT}]
    subject = {"kind": "ServiceAccount", "name": FRONT, "namespace": FRONT}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FRONT}},
        _object("v1", "ServiceAccount", {}),
        _object("v1", "Secret", {"type": "kubernetes.io/tls", "data": encoded(certificate)}),
        _object("apps/v1", "Deployment", {"spec": {"selector": {"matchLabels": labels}, "template": pod}}),
        _object("v1", "Service", {"spec": {"type": "NodePort", "selector": labels, "ports": ports}}),
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {"subjects": [subject], "roleRef": role}),
        *(_ingress_class(name, controller) for name, controller in CLASSES.items()),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": FRONT},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
    ]


def gateway_of(passthrough: bool) -> dict[str, Any]:
    """Their Gateway, whose only listener passes TLS through or ends it."""
    tls = {"mode": "Passthrough"} if passthrough else {"mode": "Terminate", "certificateRefs": [{"name": FRONT}]}
    listener = {
        "name": "https",
        "port": PORT,
        "protocol": "TLS" if passthrough else "HTTPS",
        "tls": tls,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    spec = {"gatewayClassName": FRONT, "listeners": [listener]}
    return _object("gateway.networking.k8s.io/v1", "Gateway", {"spec": spec})


def _object(api_version: str, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": FRONT, "namespace": FRONT}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _ingress_class(name: str, controller: str) -> dict[str, Any]:
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}}
    return {**document, "spec": {"controller": controller}}

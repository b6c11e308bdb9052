"""The way into a cluster of EKS, for a program and for a person."""

import json

import pulumi
import pulumi_kubernetes as k8s


def kubeconfig(name: str, endpoint: str, ca: str, region: str) -> str:
    """Return a kubeconfig for a cluster of EKS. No token is in it: AWS's own command asks for one each time."""
    command = ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"]
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": command,
        "interactiveMode": "Never",
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": {"exec": program}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(document)


def kubernetes_provider(name: str, document: pulumi.Input[str]) -> k8s.Provider:
    """Create the provider of everything in a cluster. name: of the cluster; document: its kubeconfig."""
    return k8s.Provider(
        "kubernetes",
        kubeconfig=document,
        cluster_identifier=name,
        enable_secret_mutable=True,
        # Of all ConfigMaps only the gateway's routes change: the others are named by a hash of their content.
        enable_config_map_mutable=True,
        opts=pulumi.ResourceOptions(),
    )

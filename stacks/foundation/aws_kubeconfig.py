"""How a cluster of EKS is entered. Imports nothing of the engine's SDK: the commands enter it too."""

import json


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

"""The way into a cluster, for the program."""

import pulumi
import pulumi_kubernetes as k8s


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

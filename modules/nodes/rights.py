"""What Karpenter may do in the cluster: the rules of its own chart, v1.15, for what is used here."""

from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

READ = ("get", "list", "watch")
LEASE = "karpenter-leader-election"
"""By which one of two controllers leads while one replaces the other."""


def _rule(groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...], *names: str) -> PolicyRuleArgs:
    return PolicyRuleArgs(
        api_groups=list(groups), resources=list(resources), verbs=list(verbs), resource_names=list(names) or None
    )


def in_the_cluster() -> list[PolicyRuleArgs]:
    """Return the rules of all namespaces."""
    own, aws, buffers = "karpenter.sh", "karpenter.k8s.aws", "autoscaling.x-k8s.io"
    pools = ("nodepools", "nodepools/status", "nodeclaims", "nodeclaims/status", "nodeoverlays", "nodeoverlays/status")
    return [
        _rule((aws,), ("ec2nodeclasses",), READ),
        _rule((aws,), ("ec2nodeclasses", "ec2nodeclasses/status"), ("patch", "update")),
        _rule((own,), pools, READ),
        _rule((own,), ("nodeclaims", "nodeclaims/status"), ("create", "delete", "update", "patch")),
        _rule((own,), ("nodepools", "nodepools/status", "nodeoverlays/status"), ("update", "patch")),
        _rule((buffers,), ("capacitybuffers", "capacitybuffers/status"), READ),
        _rule((buffers,), ("capacitybuffers/status",), ("update", "patch")),
        _rule(
            ("",),
            (
                *("pods", "nodes", "persistentvolumes", "persistentvolumeclaims", "replicationcontrollers"),
                *("namespaces", "podtemplates", "events"),
            ),
            READ,
        ),
        _rule(("storage.k8s.io",), ("storageclasses", "csinodes", "volumeattachments"), READ),
        _rule(("apps",), ("daemonsets", "deployments", "replicasets", "statefulsets"), READ),
        _rule(("autoscaling.k8s.io",), ("verticalpodautoscalers",), READ),
        _rule(("policy",), ("poddisruptionbudgets",), READ),
        _rule(("resource.k8s.io",), ("deviceclasses", "resourceclaims", "resourceslices"), READ),
        _rule(("",), ("events",), ("create", "patch")),
        _rule(("",), ("nodes",), ("patch", "delete", "update")),
        _rule(("",), ("pods/eviction",), ("create",)),
        _rule(("",), ("pods",), ("delete",)),
        # The address of the name servers, which nodes are started with.
        _rule(("",), ("services",), ("get",), "kube-dns"),
    ]


def in_its_namespace() -> list[PolicyRuleArgs]:
    """Return the rules of the namespace that Karpenter runs in."""
    group = ("coordination.k8s.io",)
    return [
        _rule(group, ("leases",), ("get", "watch", "create")),
        _rule(group, ("leases",), ("patch", "update"), LEASE),
    ]

"""Which fields can't be changed in place, and which objects are never replaced because they hold data."""

from embedded.providers.base import Object, ProviderError, part

from .diff import Steps
from .manifest import DATA_POLICY, DISPOSABLE, annotations, title

Rule = tuple[str, ...]
"""A path below which nothing can be changed."""


def _paths(*texts: str) -> tuple[Rule, ...]:
    return tuple(tuple(text.split(".")) for text in texts)


IDENTITY = _paths("metadata.name", "metadata.namespace")
SELECTOR = _paths("spec.selector")
VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)
IMMUTABLE: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("apps", "Deployment"): SELECTOR,
    ("apps", "DaemonSet"): SELECTOR,
    ("apps", "ReplicaSet"): SELECTOR,
    ("apps", "StatefulSet"): SELECTOR
    + _paths("spec.podManagementPolicy", "spec.serviceName", "spec.volumeClaimTemplates"),
    ("batch", "Job"): SELECTOR
    + _paths(
        "spec.template",
        "spec.completions",
        "spec.completionMode",
        "spec.manualSelector",
        "spec.podFailurePolicy",
        "spec.successPolicy",
        "spec.backoffLimitPerIndex",
        "spec.managedBy",
    ),
    ("", "PersistentVolume"): _paths("spec.volumeMode", *(f"spec.{source}" for source in VOLUME_SOURCES.split())),
    ("", "PersistentVolumeClaim"): SELECTOR
    + _paths(
        "spec.accessModes",
        "spec.storageClassName",
        "spec.volumeName",
        "spec.volumeMode",
        "spec.dataSource",
        "spec.dataSourceRef",
    ),
    ("", "Pod"): _paths("spec"),
    ("", "ResourceQuota"): _paths("spec.scopes", "spec.scopeSelector"),
    ("", "Secret"): _paths("type"),
    ("", "Service"): _paths("spec.clusterIP", "spec.clusterIPs"),
    ("discovery.k8s.io", "EndpointSlice"): _paths("addressType"),
    ("networking.k8s.io", "IngressClass"): _paths("spec.controller"),
    ("node.k8s.io", "RuntimeClass"): _paths("handler"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _paths("roleRef"),
    ("rbac.authorization.k8s.io", "RoleBinding"): _paths("roleRef"),
    ("scheduling.k8s.io", "PriorityClass"): _paths("value", "preemptionPolicy"),
    ("storage.k8s.io", "StorageClass"): _paths("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("storage.k8s.io", "VolumeAttributesClass"): _paths("driverName", "parameters"),
}
MUTABLE: dict[tuple[str, str], tuple[Rule, ...]] = {
    # What the API server lets a running pod change.
    ("", "Pod"): _paths("spec.activeDeadlineSeconds", "spec.tolerations", "spec.schedulingGates"),
}
CONTENT = {"ConfigMap": _paths("data", "binaryData"), "Secret": _paths("data", "stringData")}


def group_kind(manifest: Object) -> tuple[str, str]:
    group, _, _ = str(manifest.get("apiVersion", "")).rpartition("/")
    return group, str(manifest.get("kind", ""))


def replaces(path: Steps, old: Object, new: Object, *, mutable: frozenset[str]) -> bool:
    """Whether a change at a path needs another object.

    mutable: of ConfigMap and Secret, the kinds whose content may change in place.
    """
    kind = group_kind(new)
    rules = IDENTITY + IMMUTABLE.get(kind, ())
    if kind[0] == "" and kind[1] in CONTENT and (kind[1] not in mutable or old.get("immutable") is True):
        # `immutable` can be set, but never taken back.
        rules += CONTENT[kind[1]] + (_paths("immutable") if old.get("immutable") is True else ())
    if any(path[: len(rule)] == rule for rule in MUTABLE.get(kind, ())):
        return False
    return any(_covers(rule, path) for rule in rules)


def _covers(rule: Rule, path: Steps) -> bool:
    """A change of a whole object changes its immutable parts too."""
    return all(name == step for name, step in zip(rule, path, strict=False))


def refuse_data_loss(old: Object, new: Object, changed: list[str]) -> None:
    """Raises ProviderError where a replacement would take data with it that nobody declared disposable."""
    kind = group_kind(old)
    if DISPOSABLE in (annotations(old).get(DATA_POLICY), annotations(new).get(DATA_POLICY)):
        return
    claims = kind == ("apps", "StatefulSet") and _has_claims(old) and _touches_claims(old, new, changed)
    if kind not in (("", "PersistentVolumeClaim"), ("", "Namespace")) and not claims:
        return
    what = "the claims of " if claims else ""
    raise ProviderError(
        f"{', '.join(changed)}: this change can't be made in place, and {what}{title(old)} may hold data, so it is not "
        f"replaced. Take the change back; or, if the data may go, annotate the object with "
        f'{DATA_POLICY}: "{DISPOSABLE}"'
    )


def _has_claims(manifest: Object) -> bool:
    return bool(part(manifest, "spec").get("volumeClaimTemplates"))


def _touches_claims(old: Object, new: Object, changed: list[str]) -> bool:
    """Claims stay when a StatefulSet of the same name comes back, unless its own policy deletes them."""
    if any(path.startswith(("metadata", "spec.volumeClaimTemplates")) for path in changed):
        return True
    for manifest in (old, new):
        if part(manifest, "spec", "persistentVolumeClaimRetentionPolicy").get("whenDeleted") == "Delete":
            return True
    return False

"""The StorageClass of the volumes."""

from collections.abc import Sequence

from modules.core.settings import advice

from .findings import KEY, Context, Finding
from .objects import Object, annotations_of

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def check(context: Context) -> list[Finding]:
    return [choose(context.api.items("/apis/storage.k8s.io/v1/storageclasses"), context.existing.storage_class)]


def choose(classes: Sequence[Object], wanted: str | None) -> Finding:
    names = sorted(each["metadata"]["name"] for each in classes)
    if wanted is not None and wanted not in names:
        return Finding(
            check="storage class",
            state="refused",
            detail=f"{KEY}.storage_class is {wanted!r}, which the cluster does not have",
            action=advice(wanted, names),
        )
    defaults = [each["metadata"]["name"] for each in classes if is_default(each)]
    if wanted is None and not defaults:
        return Finding(
            check="storage class",
            state="refused",
            detail=f"{KEY}.storage_class is null, and the cluster has no default one",
            action=f"name one: {KEY}.storage_class; {advice('', names)}",
        )
    chosen = wanted or defaults[0]
    grows = any(each["metadata"]["name"] == chosen and each.get("allowVolumeExpansion") for each in classes)
    detail = f"{chosen}{' (the default one)' if wanted is None else ''}; volumes {'can' if grows else 'can not'} grow"
    return Finding(check="storage class", state="ok", detail=detail)


def is_default(storage_class: Object) -> bool:
    return annotations_of(storage_class["metadata"]).get(DEFAULT) == "true"

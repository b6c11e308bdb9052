"""Reading objects of the Kubernetes API, and asking for many at once."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from modules.core.labels import PART_OF
from scripts.cli.clients.kubectl import ENVIRONMENT

SIDE_BY_SIDE = 16
Object = Mapping[str, Any]
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def side_by_side(ask: Callable[[Item], Answer], items: Collection[Item]) -> list[Answer]:
    """Return the answers in the order of what was asked."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(ask, items))


def labels_of(metadata: Object) -> Mapping[str, str]:
    return metadata.get("labels") or {}


def annotations_of(metadata: Object) -> Mapping[str, str]:
    return metadata.get("annotations") or {}


def is_ours(metadata: Object, stack: str) -> bool:
    """Return whether an object has the labels of the environment."""
    labels = labels_of(metadata)
    return labels.get("app.kubernetes.io/part-of") == PART_OF and labels.get(ENVIRONMENT) == stack


def listed(document: Object, key: str) -> list[dict[str, Any]]:
    """Return the list at a key; an empty one where there is none."""
    return document.get(key) or []


def group(document: Object, key: str) -> dict[str, Any]:
    """Return the mapping at a key; an empty one where there is none."""
    return document.get(key) or {}
